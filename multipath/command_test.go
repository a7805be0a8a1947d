package multipath

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/command"
)

// sign is what a multipathd answers that is alive.
const sign = "multipathd show daemon"

// A script answers command lines; one that is not in it is an error, but for the
// sign of life, which is not where nothing is.
type script map[string]RunResult

func (s script) run(ctx context.Context, argv ...string) (RunResult, error) {
	if err := ctx.Err(); err != nil {
		return RunResult{}, &command.Error{Argv: argv, Err: err}
	}
	line := strings.Join(argv, " ")
	res, ok := s[line]
	if !ok && line == sign && s != nil {
		res, ok = out(0, "pid 1 running\n", ""), true
	}
	if !ok {
		return RunResult{}, &command.Error{Argv: argv, Err: fs.ErrNotExist}
	}
	return res, nil
}

func out(code int, stdout, stderr string) RunResult {
	return RunResult{Code: code, Stdout: []byte(stdout), Stderr: []byte(stderr)}
}

const oneMap = "mpathb (3600140512) dm-12 LIO-ORG,block\n" +
	"size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw\n" +
	"`-+- policy='service-time 0' prio=0 status=enabled\n" +
	"  `- 39:0:0:1 sdi 8:128 failed faulty running\n"

func TestCommandTopology(t *testing.T) {
	const show, list = "multipathd show topology", "multipath -v2 -ll"
	noDaemon := out(1, "", "")
	tests := []struct {
		name   string
		source Source
		script script
		maps   int
		want   error
	}{
		{"from the daemon", DaemonFirst, script{show: out(0, oneMap, "")}, 1, nil},
		{"the daemon has none", DaemonFirst, script{show: out(0, "ok\n", "")}, 0, nil},
		{"no daemon", DaemonFirst, script{show: noDaemon, list: out(0, oneMap, "multipathd service is not running")}, 1, nil},
		{"no program multipathd", DaemonFirst, script{list: out(0, oneMap, "")}, 1, nil},
		{"a daemon that does not know", DaemonFirst, script{show: out(0, "multipath-tools v0.4.7\nCLI commands reference:\n", ""), list: out(0, "", "")}, 0, nil},
		{"neither program", DaemonFirst, nil, 0, fs.ErrNotExist},
		{"busy, status 0 up to 0.9.7", DaemonFirst, script{show: out(0, "timeout\n", ""), list: out(0, oneMap, "")}, 0, ErrBusy},
		{"busy, as the program says it", DaemonFirst, script{show: out(1, "", "timeout receiving packet\n"), list: out(0, oneMap, "")}, 0, ErrBusy},
		{"only the daemon", DaemonOnly, script{show: noDaemon, list: out(0, oneMap, "")}, 0, ErrNoDaemon},
		{"always the checkers", Checkers, script{show: out(0, "ok\n", ""), list: out(0, oneMap, "")}, 1, nil},
		{"not root", Checkers, script{list: out(1, "", "need to be root\n")}, 0, fs.ErrPermission},
		{"not root, for the daemon", DaemonFirst, script{show: out(1, "permission deny: need to be root", "")}, 0, ErrPermission},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewCommand(tt.script.run, WithSource(tt.source)).Topology(t.Context())
			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Len(t, got.Maps, tt.maps)
			}
			require.False(t, Uncertain(err))
		})
	}
}

func TestCommandFlush(t *testing.T) {
	tests := []struct {
		name string
		res  RunResult
		want error
	}{
		{"done", out(0, "", ""), nil},
		{"in use, 0.8.5", out(1, "", "Nov 22 06:56:04 | mpathb: map in use\n"), ErrInUse},
		{"in use, 0.9.4", out(1, "", "33.411131 | mpathb: map in use\n"), ErrInUse},
		{"in use, by the daemon", out(1, "fail\nmap or partition in use\n", ""), ErrInUse},
		{"not there", out(1, "", "30.785778 | mpathb is not a multipath device\n"), ErrNoMap},
		{"no name for it", out(1, "", "'mpathb' is not a valid argument\n"), fs.ErrNotExist},
		{"not root", out(1, "", "need to be root\n"), ErrPermission},
		{"no word", out(1, "", ""), ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := NewCommand(script{"multipath -v2 -f mpathb": tt.res}.run).Flush(t.Context(), "mpathb")
			require.ErrorIs(t, err, tt.want)
			var c *CommandError
			if tt.want != nil {
				require.ErrorAs(t, err, &c)
				require.Equal(t, tt.res.Code, c.ExitCode)
			}
		})
	}
}

// multipath -f of 0.8.5 does nothing for a name with a space, and says that all
// is well: multipathd is told instead, where there is one.
func TestCommandFlushSpace(t *testing.T) {
	const daemon, program = `multipathd -kdel map "my map"`, "multipath -v2 -f my map"
	for name, tt := range map[string]struct {
		script script
		want   error
	}{
		"done":                {script{daemon: out(0, "ok\n", "")}, nil},
		"in use":              {script{daemon: out(1, "fail\nmap or partition in use\n", "")}, ErrInUse},
		"no daemon":           {script{daemon: out(1, "", ""), program: out(0, "", "")}, nil},
		"no daemon, and busy": {script{daemon: out(1, "", ""), program: out(1, "", "my map: map in use\n")}, ErrInUse},
	} {
		require.ErrorIs(t, NewCommand(tt.script.run).Flush(t.Context(), "my map"), tt.want, name)
	}
}

func TestCommandOrders(t *testing.T) {
	const disable, list = "multipathd disablequeueing map mpathb", "multipathd show maps raw format %n"
	tests := []struct {
		name   string
		script script
		want   error
	}{
		{"done", script{disable: out(0, "ok\n", "")}, nil},
		{"the status lies: fail", script{disable: out(0, "fail\n", ""), list: out(0, "mpathb\n", "")}, ErrRefused},
		{"the status lies: timeout", script{disable: out(0, "timeout\n", "")}, ErrBusy},
		{"not there", script{disable: out(1, "fail\n", ""), list: out(0, "mpatha\n", "")}, ErrNoMap},
		{"no daemon", script{disable: out(1, "", "")}, ErrNoDaemon},
		{"no daemon, with a word", script{disable: out(1, "", "ux_socket_connect: Connection refused\n")}, ErrNoDaemon},
		{"no daemon, 0.11", script{disable: out(1, "", "ERROR: failed to connect to multipathd\n")}, ErrNoDaemon},
		{"not root", script{disable: out(1, "permission deny: need to be root", "")}, ErrPermission},
		{"no program", nil, fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorIs(t, NewCommand(tt.script.run).DisableQueueing(t.Context(), "mpathb"), tt.want)
		})
	}
	c := NewCommand(script{
		"multipathd restorequeueing map mpathb":  out(0, "ok\n", ""),
		"multipathd del path sdi":                out(0, "delayed\n", ""),
		`multipathd -kdel path "cciss!c0d0"`:     out(0, "ok\n", ""),
		`multipathd -krestorequeueing map "a b"`: out(0, "ok\n", ""),
	}.run)
	require.NoError(t, c.RestoreQueueing(t.Context(), "mpathb"))
	require.NoError(t, c.RestoreQueueing(t.Context(), "a b"))
	require.NoError(t, c.ForgetPath(t.Context(), "sdi"))
	require.NoError(t, c.ForgetPath(t.Context(), "cciss!c0d0"))
}

// Nothing is started that could leave an order with a multipathd that does not
// answer; beside one that is not there, nothing can be left.
func TestCommandSignOfLife(t *testing.T) {
	const flush, disable, forget = "multipath -v2 -f mpathb", "multipathd disablequeueing map mpathb", "multipathd del path sdi"
	never := func(name string, want error, answer RunResult) {
		c := NewCommand(script{sign: answer, flush: out(0, "", ""), disable: out(0, "ok\n", ""), forget: out(0, "ok\n", "")}.run)
		for _, err := range []error{c.Flush(t.Context(), "mpathb"), c.DisableQueueing(t.Context(), "mpathb"), c.ForgetPath(t.Context(), "sdi")} {
			require.ErrorIs(t, err, want, name)
			require.False(t, Uncertain(err), name)
		}
	}
	never("frozen", ErrSilent, out(1, "timeout receiving packet\n", ""))
	never("frozen, up to 0.7.8", ErrSilent, out(0, "timeout receiving packet\n", ""))
	never("ended meanwhile", ErrSilent, out(1, "error -32 receiving packet\n", ""))
	never("busy", ErrSilent, out(0, "timeout\n", ""))
	for name, answer := range map[string]RunResult{
		"no daemon": out(1, "", ""), "before 0.6.1": out(0, "multipath-tools v0.4.9\nCLI commands reference:\n", ""), "alive": out(0, "pid 1 idle\n", ""),
	} {
		require.NoError(t, NewCommand(script{sign: answer, flush: out(0, "", "")}.run).Flush(t.Context(), "mpathb"), name)
	}
	nobody := func(_ context.Context, argv ...string) (RunResult, error) {
		return RunResult{}, &command.Error{Argv: argv, Err: fs.ErrNotExist}
	}
	require.ErrorIs(t, NewCommand(nobody).Flush(t.Context(), "mpathb"), fs.ErrNotExist, "without multipathd nobody can tell whether it runs")
}

// The program has sent the order, and waits no longer for what comes of it.
func TestCommandGaveUp(t *testing.T) {
	for _, res := range []RunResult{out(1, "timeout receiving packet\n", ""), out(0, "timeout receiving packet\n", ""), out(1, "", "error -110 receiving packet\n")} {
		err := NewCommand(script{"multipathd del path sdi": res}.run).ForgetPath(t.Context(), "sdi")
		require.ErrorIs(t, err, ErrSilent)
		require.True(t, Uncertain(err))
	}
}

func TestCommandThatDoesNotEnd(t *testing.T) {
	run := func(_ context.Context, argv ...string) (RunResult, error) {
		if strings.Join(argv, " ") == sign {
			return out(0, "pid 1 running\n", ""), nil
		}
		return RunResult{}, &command.Error{Argv: argv, Stderr: "half a word", Stuck: 4711, Err: context.DeadlineExceeded}
	}
	c := NewCommand(run)
	for _, err := range []error{c.Flush(t.Context(), "mpathb"), c.DisableQueueing(t.Context(), "mpathb")} {
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, Uncertain(err))
		var e *CommandError
		require.ErrorAs(t, err, &e)
		require.Equal(t, 4711, e.Stuck)
		require.Contains(t, err.Error(), "4711")
	}
	_, err := c.Topology(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, Uncertain(err))
}

func TestCommandCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	c := NewCommand(func(context.Context, ...string) (RunResult, error) { ran = true; return RunResult{}, nil })
	require.ErrorIs(t, c.Flush(ctx, "mpathb"), context.Canceled)
	_, err := c.Topology(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, ran)
}

func TestOneLine(t *testing.T) {
	long := strings.Repeat("é warning\n", 100) + "mpathb: map in use\n"
	got := oneLine(long)
	require.True(t, strings.HasSuffix(got, "mpathb: map in use"))
	require.Less(t, len(got), 210)
	require.Equal(t, "a b", oneLine(" a\n b\n"))
	require.True(t, errors.Is(&NameError{}, fs.ErrInvalid))
}
