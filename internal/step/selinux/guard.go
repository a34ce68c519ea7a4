package selinux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// guard takes enforcing back. The one change that is made under it comes from
// permissive, so there is nothing to remember.
func (w worker) guard() *step.Guard {
	return &step.Guard{
		Snapshot: func(context.Context, []step.Change) (json.RawMessage, error) { return json.RawMessage(`{}`), nil },
		Rollback: func(context.Context, json.RawMessage) error {
			if err := w.enforce(false); err != nil {
				return err
			}
			data, err := os.ReadFile(w.host.Path(enforcePath))
			if err != nil {
				return fmt.Errorf("cannot see whether SELinux is permissive again: %w", err)
			}
			if strings.TrimSpace(string(data)) != "0" {
				return errors.New("SELinux is still enforcing")
			}
			return nil
		},
		ByHand: func(json.RawMessage) []string { return []string{"setenforce 0"} },
	}
}
