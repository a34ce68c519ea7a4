host "x {
