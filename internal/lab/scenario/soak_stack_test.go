//go:build lab && linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// stack puts a linear device of device-mapper's on the map, by device number,
// and reads nothing: udev is told to leave it alone.
func (u *soakUse) stack(ctx context.Context) error {
	size, err := os.ReadFile("/sys/block/" + u.m.DM + "/size")
	if err != nil {
		return err
	}
	devt, err := os.ReadFile("/sys/block/" + u.m.DM + "/dev")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "dmsetup", "create", "--noudevrules", "--noudevsync", u.stacked())
	cmd.Stdin = strings.NewReader(fmt.Sprintf("0 %s linear %s 0\n", strings.TrimSpace(string(size)), strings.TrimSpace(string(devt))))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dmsetup create: %w: %s", err, out)
	}
	return nil
}

func (u *soakUse) stacked() string { return "stacked-" + u.m.WWID }
