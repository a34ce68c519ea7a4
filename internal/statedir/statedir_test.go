package statedir

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sort", "one.json")
	value := map[string]int{"kept": 1}
	if err := Read(file, &value); err != nil || value["kept"] != 1 {
		t.Fatalf("no file: %v, %v", value, err)
	}
	if err := Write(file, map[string]int{"n": 2}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	var read map[string]int
	if err := Read(file, &read); err != nil || read["n"] != 2 {
		t.Errorf("%v, %v", read, err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if Read(file, &read) == nil {
		t.Error("half a file was read")
	}
}
