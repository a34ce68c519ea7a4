package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// beyondAdoption reads what `lvsup plan --json` prints, an event a line and the result
// last, and names the changes that are more than a note in lvsup's record, those of
// its own files aside.
func beyondAdoption(said string, own []string) ([]string, error) {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	var result struct {
		Plan *struct {
			Hosts []struct {
				Host  string
				Kinds []struct{ Changes []step.Change }
			}
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &result); err != nil {
		return nil, fmt.Errorf("cannot read the plan: %w: %s", err, said)
	}
	if result.Plan == nil {
		return nil, errors.New("there is no plan: " + said)
	}
	var more []string
	for _, h := range result.Plan.Hosts {
		for _, k := range h.Kinds {
			for _, c := range k.Changes {
				if c.Action.Mutates() && !slices.Contains(own, c.Key) {
					more = append(more, fmt.Sprintf("%s %c %s", h.Host, c.Action, c.ID))
				}
			}
		}
	}
	return more, nil
}
