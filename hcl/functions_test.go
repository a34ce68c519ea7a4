package hcl

import (
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Functions mean what Terraform's documentation says. Each line is an expression
// that is true.
func TestFunctions(t *testing.T) {
	for _, text := range []string{
		`alltrue([true, true]) && alltrue([]) && !alltrue([true, null])`,
		`anytrue([false, true]) && !anytrue([])`,
		`base64encode("Hello") == "SGVsbG8=" && base64decode("SGVsbG8=") == "Hello"`,
		`basename("/a/b.txt") == "b.txt" && dirname("/a/b.txt") == "/a"`,
		`can(tonumber("5")) && !can(tonumber("x")) && try(tonumber("x"), 7) == 7`,
		`cidrcontains("10.0.0.0/8", "10.1.2.3") && !cidrcontains("10.0.0.0/8", "11.0.0.0/24")`,
		`cidrcontains("10.0.0.0/8", "10.3.0.0/16") && !cidrcontains("10.3.0.0/16", "10.0.0.0/8")`,
		`cidrhost("10.0.0.0/8", -2) == "10.255.255.254" && cidrhost("fd00::/64", 34) == "fd00::22"`,
		`cidrsubnet("172.16.0.0/12", 4, 2) == "172.18.0.0/16"`,
		`cidrsubnets("10.1.0.0/16", 4, 4, 8, 4) == tolist(["10.1.0.0/20", "10.1.16.0/20", "10.1.32.0/24", "10.1.48.0/20"])`,
		`coalesce("", "b") == "b" && coalesce(null, 2) == 2`,
		`csvdecode("a,b\n1,2\n")[0].b == "2"`,
		`endswith("hello world", "world") && startswith("hello", "he") && strcontains("hello", "ell")`,
		`fileexists("functions_test.go") && !fileexists("gone")`,
		`index(["a", "b", "c"], "b") == 1`,
		`length("包é") == 2 && length({ a = 1 }) == 1 && length([1, 2]) == 2`,
		`log(16, 2) == 4`,
		`lookup({ a = "ay" }, "a", "x") == "ay" && lookup({ a = "ay" }, "c", "x") == "x" && lookup({ a = 1 }, "a") == 1`,
		`matchkeys(["i-1", "i-2", "i-3"], ["w", "e", "w"], ["w"]) == tolist(["i-1", "i-3"])`,
		`md5("hello world") == "5eb63bbbe01eeed093cb22bb8f5acdc3"`,
		`one([]) == null && one(["x"]) == "x"`,
		`replace("1 + 2 + 3", "+", "-") == "1 - 2 - 3" && replace("hello world", "/w.*d/", "all") == "hello all"`,
		`sha256("hello world") == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"`,
		`sum([10, 13, 6, 4.5]) == 33.5`,
		`transpose({ a = ["1", "2"], b = ["2"] }) == tomap({ "1" = tolist(["a"]), "2" = tolist(["a", "b"]) })`,
		`urlencode("a b&c") == "a+b%26c"`,
		`issensitive(sensitive("x")) && issensitive("${sensitive("x")}y") && !issensitive(nonsensitive(sensitive("x")))`,
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(text), "test", hcl2.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", text, diags)
		}
		var r report
		value, ok := newScope(&r, ".").evaluate(expr, nil)
		if !ok || value.IsNull() || value.False() {
			t.Errorf("%s: %v %v", text, ok, r.diags)
		}
	}
}
