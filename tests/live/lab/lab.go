// Package lab builds the fixtures with any Go, runs them, records them and counts what a trace of
// them says.
package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Versions under test, oldest first: the last patch release of each minor.
var Versions = []string{"1.22.12", "1.23.12", "1.24.13", "1.25.14", "1.26.11", "1.27.4"}

// Newest is the toolchain whose readers judge every file.
var Newest = Versions[len(Versions)-1]

// Fixtures under tests/fixtures.
var Fixtures = []string{"channel", "mutex", "nethttp", "syscalls", "timers", "gc", "gomaxprocs", "coro", "cgo", "signals"}

// Full says whether the whole matrix was asked for, not the diagonal.
func Full() bool { return os.Getenv("GOTRACE_FULL") != "" }

// Root of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(file))))
}

// Out is where everything built goes.
func Out() string {
	if o := os.Getenv("OUT"); o != "" {
		if filepath.IsAbs(o) {
			return o
		}
		return filepath.Join(Root(), o)
	}
	return filepath.Join(Root(), ".output")
}

// Tool is the program under test; skips if it cannot work here.
func Tool(t testing.TB) string {
	t.Helper()
	p := filepath.Join(Root(), "gotrace-bpf")
	if s := os.Getenv("GOTRACE_BPF"); s != "" {
		p = s
	}
	if _, err := os.Stat(p); err != nil {
		t.Skip("gotrace-bpf is not built")
	}
	if os.Geteuid() != 0 {
		t.Skip("recording needs root here")
	}
	return p
}

// GoCmd is a go command of the given version.
func GoCmd(version string, args ...string) *exec.Cmd {
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "GOTOOLCHAIN=go"+version, "GOFLAGS=", "GOWORK=off")
	if Minor(version) > 20 || args[0] == "version" {
		return c
	}
	// Go 1.19 and 1.20.0 take their own library for modules when it lies in the module cache, where a
	// fetched toolchain lies: run it from there with a cache elsewhere.
	env := exec.Command("go", "env", "GOROOT")
	env.Env = c.Env
	root, err := env.Output()
	if err != nil {
		return c
	}
	old := exec.Command(filepath.Join(strings.TrimSpace(string(root)), "bin", "go"), args...)
	old.Env = append(c.Env, "GOMODCACHE="+filepath.Join(Out(), "modcache"))
	return old
}

var toolchains sync.Map // version -> error

// NeedGo skips the test if the toolchain cannot be had.
func NeedGo(t testing.TB, version string) {
	t.Helper()
	v, ok := toolchains.Load(version)
	if !ok {
		out, err := GoCmd(version, "version").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%v: %s", err, bytes.TrimSpace(out))
		}
		toolchains.Store(version, err)
		v = err
	}
	if err, _ := v.(error); err != nil {
		t.Skipf("no Go %s to be had: %v", version, err)
	}
}

var buildLock sync.Mutex

// Build gives the path of a fixture built by a Go version in a kind. It is kept under Out. The
// fixtures' go.mod says 1.19, so that all can build it; each is built with a copy that says its own
// version, since language and GODEBUG defaults follow that line.
func Build(t testing.TB, fixture, version, kind string) string {
	t.Helper()
	NeedGo(t, version)
	if fixture == "coro" && Minor(version) < 23 {
		t.Skip("coroutines begin with Go 1.23")
	}
	k, ok := Kinds[kind]
	if !ok {
		t.Fatalf("no build kind %q", kind)
	}
	if Minor(version) < k.Since {
		t.Skipf("%s builds begin with Go 1.%d", kind, k.Since)
	}
	if fixture == "cgo" || k.GCC {
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip("cgo needs gcc")
		}
	}
	buildLock.Lock()
	defer buildLock.Unlock()
	dir := filepath.Join(Out(), "fixtures", version+"-"+kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(mod, []byte(fmt.Sprintf("module fixtures\n\ngo 1.%d\n", Minor(version))), 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, fixture)
	args := append([]string{"build", "-modfile=" + mod, "-o", bin}, k.Flags...)
	if k.PGO {
		args = append(args, "-pgo="+profile(t, version, dir, mod))
	}
	c := GoCmd(version, append(args, "./"+fixture)...)
	c.Dir = filepath.Join(Root(), "tests", "fixtures")
	c.Env = append(c.Env, "CGO_ENABLED="+map[bool]string{true: "1", false: "0"}[fixture == "cgo" || k.Cgo == "1"])
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building %s with Go %s: %v\n%s", fixture, version, err, out)
	}
	if kind == "no-buildinfo" {
		eraseBuildInfo(t, bin)
	}
	return bin
}

// Minor of a version 1.N.P.
func Minor(version string) int {
	n, _ := strconv.Atoi(strings.Split(version, ".")[1])
	return n
}

// Func and Counts mirror fixtures/fix.
type Func struct {
	Name     string         `json:"func"`
	Creates  int            `json:"creates"`
	Destroys int            `json:"destroys"`
	Blocks   map[string]int `json:"blocks"`
	Syscalls map[string]int `json:"syscalls"`
}

// Counts of one run, as the fixture tells them.
type Counts struct {
	Fixture        string         `json:"fixture"`
	N              int            `json:"n"`
	Funcs          []Func         `json:"funcs"`
	STW            map[string]int `json:"stw"`
	GCCycles       *int           `json:"gc_cycles"`
	ForeignThreads int            `json:"foreign_threads"`
	Parked         map[string]int `json:"parked"`
}

// Target is a running fixture.
type Target struct {
	Pid   int
	Bin   string
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	ended chan struct{}
	err   *lockedBuffer
}

type lockedBuffer struct {
	sync.Mutex
	b bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.Lock()
	defer l.Unlock()
	return l.b.String()
}

// Start runs a fixture until it is ready; it ends with the test.
func Start(t testing.TB, bin string) *Target {
	t.Helper()
	tg := &Target{t: t, Bin: bin, lines: make(chan string, 16), ended: make(chan struct{}), err: &lockedBuffer{}}
	tg.cmd = exec.Command(bin)
	tg.cmd.Stderr = tg.err
	// A fixture must not outlive the tests, however they end.
	tg.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if tg.in, err = tg.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := tg.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		// The death signal belongs to the thread that started the child: keep it.
		runtime.LockOSThread()
		err := tg.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		sc := bufio.NewScanner(out)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			tg.lines <- sc.Text()
		}
		close(tg.lines)
		tg.cmd.Wait()
		close(tg.ended)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tg.in.Close()
		tg.cmd.Process.Kill()
		<-tg.ended
	})
	tg.Pid = tg.cmd.Process.Pid
	if l := tg.answer(20 * time.Second); l != fmt.Sprintf("ready %d", tg.Pid) {
		t.Fatalf("%s says %q, not ready", filepath.Base(bin), l)
	}
	return tg
}

func (tg *Target) answer(limit time.Duration) string {
	tg.t.Helper()
	select {
	case l, ok := <-tg.lines:
		if !ok {
			tg.t.Fatalf("%s ended: %s", filepath.Base(tg.Bin), tg.err.String())
		}
		return l
	case <-time.After(limit):
		tg.t.Fatalf("%s does not answer within %v", filepath.Base(tg.Bin), limit)
	}
	return ""
}

// Send gives a command without waiting for its answer.
func (tg *Target) Send(cmd string) {
	tg.t.Helper()
	if _, err := io.WriteString(tg.in, cmd+"\n"); err != nil {
		tg.t.Fatalf("%s: %v", filepath.Base(tg.Bin), err)
	}
}

// Run does n rounds and returns what the fixture counted.
func (tg *Target) Run(n int) Counts {
	tg.t.Helper()
	tg.Send(fmt.Sprintf("run %d", n))
	return tg.RunResult()
}

// RunResult reads the answer of a run that was sent.
func (tg *Target) RunResult() Counts {
	tg.t.Helper()
	var c Counts
	l := tg.answer(120 * time.Second)
	if err := json.Unmarshal([]byte(l), &c); err != nil {
		tg.t.Fatalf("%s answers %q: %v", filepath.Base(tg.Bin), l, err)
	}
	return c
}

func (tg *Target) ok(cmd string) {
	tg.t.Helper()
	tg.Send(cmd)
	if l := tg.answer(60 * time.Second); l != "ok" {
		tg.t.Fatalf("%s: %s: %s", filepath.Base(tg.Bin), cmd, l)
	}
}

// Trace makes the fixture trace itself into file, until EndTrace.
func (tg *Target) Trace(file string) { tg.t.Helper(); tg.ok("trace " + file) }

// EndTrace ends it; the file is complete then.
func (tg *Target) EndTrace() { tg.t.Helper(); tg.ok("endtrace") }

// Exec makes the fixture replace itself by itself and waits until it is ready again.
func (tg *Target) Exec() {
	tg.t.Helper()
	tg.Send("exec")
	if l := tg.answer(20 * time.Second); l != fmt.Sprintf("ready %d", tg.Pid) {
		tg.t.Fatalf("after exec: %q", l)
	}
}

// Kill kills the fixture and waits for its end.
func (tg *Target) Kill() {
	tg.cmd.Process.Kill()
	<-tg.ended
}

// Quit ends it in peace.
func (tg *Target) Quit() {
	tg.t.Helper()
	tg.Send("quit")
	select {
	case <-tg.ended:
	case <-time.After(20 * time.Second):
		tg.t.Fatalf("%s does not quit", filepath.Base(tg.Bin))
	}
}

// Recorder is a running gotrace-bpf.
type Recorder struct {
	Cmd    *exec.Cmd
	File   string // the -o file
	stdout bytes.Buffer
	stderr lockedBuffer
	done   chan struct{}
	status int
	t      testing.TB
}

// Run runs the tool to its end and gives exit status, stdout and stderr.
func Run(t testing.TB, limit time.Duration, args ...string) (int, string, string) {
	t.Helper()
	r := start(t, args...)
	return r.wait(limit), r.stdout.String(), r.stderr.String()
}

func start(t testing.TB, args ...string) *Recorder {
	t.Helper()
	r := &Recorder{t: t, done: make(chan struct{}), status: -1}
	r.Cmd = exec.Command(Tool(t), args...)
	r.Cmd.Stdout, r.Cmd.Stderr = &r.stdout, &r.stderr
	r.Cmd.WaitDelay = 5 * time.Second
	if err := r.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := r.Cmd.Wait()
		r.status = r.Cmd.ProcessState.ExitCode()
		if ws, ok := r.Cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			fmt.Fprintf(&r.stderr, "[ended by signal: %v]\n", ws.Signal())
		}
		var ee *exec.ExitError
		if err != nil && !errors.As(err, &ee) {
			r.status = -1
		}
		close(r.done)
	}()
	t.Cleanup(func() {
		r.Cmd.Process.Kill()
		<-r.done
	})
	return r
}

func (r *Recorder) wait(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(limit):
		r.Cmd.Process.Kill()
		<-r.done
		r.t.Fatalf("gotrace-bpf %v did not end within %v; stderr:\n%s", r.Cmd.Args[1:], limit, r.stderr.String())
	}
	return r.status
}

// Record starts a recording of a process into a file of the test's own folder (unless args name one
// with -o) and returns when it records.
func Record(t testing.TB, pid int, args ...string) *Recorder {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	for i, a := range args {
		if a == "-o" && i+1 < len(args) {
			file = args[i+1]
		}
	}
	all := append([]string{"-p", strconv.Itoa(pid), "-o", file}, args...)
	r := start(t, all...)
	r.File = file
	r.Armed()
	return r
}

// Armed waits until the tool records: with -v it says when its snapshot is taken; else until its link
// to the probes exists, and the moment after that has passed.
func (r *Recorder) Armed() {
	r.t.Helper()
	for begin := time.Now(); time.Since(begin) < 60*time.Second; time.Sleep(5 * time.Millisecond) {
		select {
		case <-r.done:
			r.t.Fatalf("gotrace-bpf %v ended with status %d before it recorded; stderr:\n%s", r.Cmd.Args[1:],
				r.status, r.stderr.String())
		default:
		}
		if r.verbose() {
			if strings.Contains(r.stderr.String(), "snapshot:") {
				time.Sleep(50 * time.Millisecond)
				return
			}
			continue
		}
		if r.linked() {
			time.Sleep(400 * time.Millisecond)
			return
		}
	}
	r.t.Fatalf("gotrace-bpf attached no probe within 60 s; stderr:\n%s", r.stderr.String())
}

func (r *Recorder) verbose() bool {
	for _, a := range r.Cmd.Args {
		if a == "-v" {
			return true
		}
	}
	return false
}

// linked: one of the tool's descriptors is a link of BPF to another process: those to itself measure
// what a hit costs here.
func (r *Recorder) linked() bool {
	proc := fmt.Sprintf("/proc/%d/", r.Cmd.Process.Pid)
	fds, _ := os.ReadDir(proc + "fd")
	for _, fd := range fds {
		if l, _ := os.Readlink(proc + "fd/" + fd.Name()); !strings.Contains(l, "bpf_link") {
			continue
		}
		info, _ := os.ReadFile(proc + "fdinfo/" + fd.Name())
		if !strings.Contains(string(info), fmt.Sprintf("pid:\t%d\n", r.Cmd.Process.Pid)) {
			return true
		}
	}
	return false
}

// Stop ends the recording as Ctrl-C does; gives the exit status.
func (r *Recorder) Stop() int {
	r.t.Helper()
	r.Cmd.Process.Signal(os.Interrupt)
	return r.wait(30 * time.Second)
}

// Wait waits for the tool's own end; gives the exit status.
func (r *Recorder) Wait(limit time.Duration) int { r.t.Helper(); return r.wait(limit) }

// Kill kills the tool as kill -9 does.
func (r *Recorder) Kill() {
	r.Cmd.Process.Kill()
	<-r.done
}

// Stderr so far.
func (r *Recorder) Stderr() string { return r.stderr.String() }
