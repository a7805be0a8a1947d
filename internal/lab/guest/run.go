//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds every command that has no limit of its own.
const patience = 40 * time.Second

// Run runs argv and returns its standard output, trimmed. It ends the test when
// the command fails or has not come back after 40 s.
func Run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := TryFor(patience, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Try is Run for a command that may rightly fail. The error holds what the
// command printed on both its outputs.
func Try(argv ...string) (string, error) { return TryFor(patience, argv...) }

// TryFor is Try with a limit. A command that does not end in time is killed;
// one that is beyond a kill is left behind, and the error says where it sleeps.
func TryFor(limit time.Duration, argv ...string) (string, error) {
	r, err := runFor(limit, argv...)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: exit status %d\n%s%s", strings.Join(argv, " "), r.Code, r.Stdout, r.Stderr)
	}
	return strings.TrimSpace(r.Stdout), err
}

// A Result is what a command that ran to its end left.
type Result struct {
	Stdout, Stderr string
	Code           int
	Took           time.Duration
}

// Sweep runs the sweep command of this project and returns what came of it; it
// ends the test only when the command has not ended within limit.
func Sweep(t testing.TB, limit time.Duration, args ...string) Result {
	t.Helper()
	r, err := runFor(limit, append([]string{"/payload/sweep"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// SweepAs is Sweep as another user, by number, without any group or privilege.
func SweepAs(t testing.TB, limit time.Duration, uid int, args ...string) Result {
	t.Helper()
	id := strconv.Itoa(uid)
	r, err := runFor(limit, append([]string{"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "/payload/sweep"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func runFor(limit time.Duration, argv ...string) (Result, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return finish(cmd, limit)
}

// finish gives the command files for its outputs, not pipes: nothing here waits
// for a grandchild that holds one open.
func finish(cmd *exec.Cmd, limit time.Duration) (Result, error) {
	start := time.Now()
	argv := cmd.Args
	stdout, stderr := scratch(), scratch()
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	err := await(done, limit)
	if errors.Is(err, errLate) {
		where := Sleeping(cmd.Process.Pid)
		_ = cmd.Process.Kill()
		_ = await(done, time.Second)
		err = fmt.Errorf("%s: no end within %s, it sleeps in %s\n%s%s", strings.Join(argv, " "), limit, where, content(stdout), content(stderr))
		return Result{Stdout: content(stdout), Stderr: content(stderr)}, err
	}
	r := Result{Stdout: content(stdout), Stderr: content(stderr), Code: cmd.ProcessState.ExitCode(), Took: time.Since(start)}
	if r.Code < 0 {
		return r, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, r.Stderr)
	}
	return r, nil
}

var errLate = fmt.Errorf("late")

// await waits for a command's end; the exit status is not its business.
func await(done <-chan error, limit time.Duration) error {
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return errLate
	}
}

// scratch is an unnamed file. The guest's /tmp is memory, and its own.
func scratch() *os.File {
	f, err := os.CreateTemp("", "run-")
	if err != nil {
		panic(err)
	}
	os.Remove(f.Name())
	return f
}

func content(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	b := make([]byte, info.Size())
	n, _ := f.ReadAt(b, 0)
	return string(b[:n])
}

// Start starts argv in the background, its outputs going to the file log in the
// payload, and ends it with the test.
func Start(t testing.TB, log string, argv ...string) *exec.Cmd {
	t.Helper()
	f, err := os.OpenFile("/payload/"+log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// Write writes text to an existing file or attribute, in one write(2).
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := TryWrite(path, text); err != nil {
		t.Fatal(err)
	}
}

// TryWrite is Write for what may rightly fail.
func TryWrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errorsFirst(err, f.Close())
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Read returns a file or an attribute, trimmed.
func Read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// attribute is Read for what may not be there: "" then.
func attribute(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}
