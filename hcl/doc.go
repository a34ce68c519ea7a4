// Package hcl reads the plan language: text in, a plans.Cluster and diagnostics
// out.
//
// Load and Parse never stop at the first mistake. Each one becomes a
// plans.Diagnostic with the file, line and span it stands at and what to write
// instead; WriteDiagnostics shows them to a person. What a plan means (networks,
// gateways, schedulers) is judged by plans.Validate, which Load and Parse call.
//
// The blocks and attributes of the language are one table, in schema.go. A
// reference such as real_server.node1.ip is evaluated when something asks for it
// (scope.go), so blocks may stand in any order. What is sensitive carries a mark
// through every expression (secret.go), and where no mark can go it is refused.
//
// A loader reads one module (module.go); the plan itself is the outermost. Blocks
// with for_each or count become rounds (rounds.go) before anything reads them.
//
// Write prints a cluster in the language, so that Parse gives it back.
//
// This is the only package that imports hashicorp/hcl and go-cty, and their
// types do not leave it.
package hcl
