cluster "my cluster" {}

host "-oops" {}

host "a b" {}

host "" {}
