package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// makeRepository keeps, of the packages that the bootstrap downloaded, those
// that a guest loses when it purges repositoryPackages, as a flat repository
// (sources.list(5)) that needs no network. The rest of apt's downloads goes.
func makeRepository(ctx context.Context, root string) error {
	simulated, err := run(ctx, "", "chroot", append([]string{root, "apt-get", "-s", "-y", "purge", "--autoremove"}, repositoryPackages()...)...)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, repositoryDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var index strings.Builder
	for _, line := range strings.Split(simulated, "\n") {
		f := strings.Fields(line) // Purg NAME [VERSION]
		if len(f) < 3 || f[0] != "Purg" {
			continue
		}
		entry, err := keepPackage(ctx, filepath.Join(root, "var/cache/apt/archives"), dir, f[1], strings.Trim(f[2], "[]"))
		if err != nil {
			return err
		}
		index.WriteString(entry)
	}
	if err := os.WriteFile(filepath.Join(dir, "Packages"), []byte(index.String()), 0o644); err != nil {
		return err
	}
	return clearApt(root)
}

// keepPackage moves one package into the repository and returns its paragraph
// of the index.
func keepPackage(ctx context.Context, archives, dir, name, version string) (string, error) {
	// apt writes the colon of an epoch as %3a in the names of what it keeps.
	pattern := name + "_" + strings.ReplaceAll(version, ":", "%3a") + "_*.deb"
	found, err := filepath.Glob(filepath.Join(archives, pattern))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("cannot find the downloaded package %s %s among apt's archives", name, version)
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		return "", err
	}
	file := name + ".deb"
	if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
		return "", err
	}
	control, err := run(ctx, "", "dpkg-deb", "--field", found[0])
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return fmt.Sprintf("%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n",
		strings.TrimSpace(control), file, len(content), hex.EncodeToString(sum[:])), nil
}

// clearApt removes what apt downloaded, and this machine's sources and
// settings, which are of no use in a guest.
func clearApt(root string) error {
	for _, pattern := range []string{
		"var/cache/apt/archives/*.deb", "var/cache/apt/*.bin", "var/lib/apt/lists/*",
		"etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
	} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}
