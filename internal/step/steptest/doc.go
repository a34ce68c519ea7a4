// Package steptest holds every kind to the laws of the contract in package
// step, against a fake host:
//
//   - Observe writes nothing, and Diff says the same every time
//   - after all changes are applied, Diff is empty and stays so
//   - a kill between any two writes leaves a host, and a record, from which a
//     rerun reaches the same end, and a destroy the start
//   - wanting nothing, and destroy, bring the host back to exactly what it was,
//     and the record to empty
//   - what is foreign is never touched
//
// A kind's test gives Conform a way to make a fake host and a list of cases:
//
//	type fake struct {
//		*steptest.Host                  // files in a temporary root, commands
//		live map[string]string          // what the kernel would hold
//	}
//
//	func (f *fake) Kind() step.Any      { return step.Erase(newKind(f.Host.Host, f)) }
//	func (f *fake) Snapshot() string    { return f.Host.Snapshot() + fmt.Sprint(f.live) }
//	func (f *fake) set(k, v string) error {
//		if err := f.Write(); err != nil { // lets Conform stop the kind at any write
//			return err
//		}
//		f.live[k] = v
//		return nil
//	}
//
//	func TestConform(t *testing.T) {
//		steptest.Conform(t, newFake, []steptest.Case{{
//			Name:  "forwarding on",
//			Plans: []any{Desired{Settings: map[string]string{"net.ipv4.ip_forward": "1"}}},
//		}})
//	}
//
// Where a kind writes files below Host.Root through atomicfile, the cut between
// two changes is all Conform needs; a system of its own calls Host.Write first
// in every mutation.
package steptest
