//go:build lab

package ipvs

import (
	"os"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }
