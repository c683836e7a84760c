package live

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"live/lab"
)

// program is one that nobody here wrote. from is where it comes from: "deb PACKAGE PATH",
// "npm PACKAGE@VERSION PATH", "go VERSION MODULE@VERSION [FLAGS]". args may name PORT, DIR.
type program struct {
	name, from, args, path string
}

// foreign programs: servers, so that there is a load: GETs of path, eight at a time.
var foreign = []program{
	{"caddy (Debian)", "deb caddy usr/bin/caddy", "file-server --listen 127.0.0.1:PORT --root DIR", "/"},
	{"prometheus (Debian)", "deb prometheus usr/bin/prometheus",
		"--config.file=DIR/empty.yml --storage.tsdb.path=DIR/data --web.listen-address=127.0.0.1:PORT", "/metrics"},
	{"syncthing (Debian)", "deb syncthing usr/bin/syncthing",
		"serve --no-browser --no-restart --home=DIR/st --gui-address=127.0.0.1:PORT", "/rest/noauth/health"},
	{"etcd (Debian)", "deb etcd-server usr/bin/etcd",
		"--data-dir DIR/etcd --listen-client-urls http://127.0.0.1:PORT --advertise-client-urls http://127.0.0.1:PORT --listen-peer-urls http://127.0.0.1:0", "/metrics"},
	{"rclone (Debian)", "deb rclone usr/bin/rclone", "serve http DIR --addr 127.0.0.1:PORT", "/"},
	{"esbuild 0.17.19 (npm)", "npm @esbuild/linux-x64@0.17.19 bin/esbuild", "--servedir=DIR --serve=127.0.0.1:PORT", "/"},
	{"esbuild 0.21.5 (npm)", "npm @esbuild/linux-x64@0.21.5 bin/esbuild", "--servedir=DIR --serve=127.0.0.1:PORT", "/"},
	{"esbuild latest (npm)", "npm @esbuild/linux-x64@latest bin/esbuild", "--servedir=DIR --serve=127.0.0.1:PORT", "/"},
	{"node_exporter, stripped pie", "go 1.26.11 github.com/prometheus/node_exporter@v1.9.1 -buildmode=pie -ldflags=-s",
		"--web.listen-address=127.0.0.1:PORT", "/metrics"},
	{"node_exporter, race", "go 1.25.14 github.com/prometheus/node_exporter@v1.9.1 -race",
		"--web.listen-address=127.0.0.1:PORT", "/metrics"},
	{"nats-server", "go 1.27.4 github.com/nats-io/nats-server/v2@v2.11.4", "-a 127.0.0.1 -p -1 -m PORT", "/varz"},
	{"nats-server, unoptimised", "go 1.24.13 github.com/nats-io/nats-server/v2@v2.11.4 -gcflags=-N",
		"-a 127.0.0.1 -p -1 -m PORT", "/varz"},
}

func fetch(t *testing.T, p program) string {
	t.Helper()
	f := strings.Fields(p.from)
	dir := filepath.Join(lab.Out(), "foreign", strings.NewReplacer("/", "_", "@", "_").Replace(strings.Join(f, "-")))
	bin := filepath.Join(dir, filepath.Base(f[2]))
	if f[0] == "go" {
		bin = filepath.Join(dir, "bin", strings.Split(strings.TrimSuffix(filepath.Base(strings.Split(f[2], "@")[0]), "/v2"), "@")[0])
		if strings.HasPrefix(filepath.Base(bin), "v2") {
			bin = filepath.Join(dir, "bin", filepath.Base(filepath.Dir(strings.Split(f[2], "@")[0])))
		}
	}
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var cmds []*exec.Cmd
	switch f[0] {
	case "deb":
		cmds = []*exec.Cmd{exec.Command("sh", "-c", "apt-get download "+f[1]+" && dpkg-deb -x "+f[1]+"_*.deb x && cp x/"+f[2]+" "+filepath.Base(bin))}
	case "npm":
		cmds = []*exec.Cmd{exec.Command("sh", "-c", "npm pack "+f[1]+" && tar xzf *.tgz && cp package/"+f[2]+" "+filepath.Base(bin))}
	case "go":
		lab.NeedGo(t, f[1])
		c := lab.GoCmd(f[1], append(append([]string{"install"}, f[3:]...), f[2])...)
		c.Env = append(c.Env, "GOBIN="+filepath.Join(dir, "bin"))
		cmds = []*exec.Cmd{c}
	}
	for _, c := range cmds {
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Skipf("cannot be had: %v\n%s", err, out)
		}
	}
	return bin
}

// Programs that nobody here wrote, under load: every reader takes what is recorded of them, nothing
// is lost, no repair is without a cause.
func TestForeign(t *testing.T) {
	if os.Getenv("GOTRACE_COVERAGE") == "" && !lab.Full() {
		t.Skip("fetches programs; run by tools/coverage (make compare)")
	}
	lab.Tool(t)
	store := filepath.Join(lab.Out(), "foreign.jsonl")
	os.Remove(store)
	for i, p := range foreign {
		t.Run(p.name, func(t *testing.T) {
			m := recordForeign(t, p, fetch(t, p), 21300+i)
			if m.Err != "" || m.Readers != "yes" || m.Lost != "none" || len(m.Unexplained) > 0 {
				t.Errorf("%s; readers: %s; lost: %s; unexplained repairs: %v; stderr:\n%s", m.Err, m.Readers,
					m.Lost, m.Unexplained, m.Stderr)
			}
			f, err := os.OpenFile(store, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			json.NewEncoder(f).Encode(m)
		})
	}
	if page := os.Getenv("GOTRACE_COVERAGE"); page != "" {
		writePage(t, page)
	}
}

func recordForeign(t *testing.T, p program, bin string, port int) *lab.Foreign {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"empty.yml": "{}\n", "index.html": "<p>served</p>\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := strings.NewReplacer("PORT", fmt.Sprint(port), "DIR", dir).Replace(p.args)
	cmd := exec.Command(bin, strings.Fields(args)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "GOTRACEBACK=all", "STNOUPGRADE=1", "STMONITORED=yes")
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// esbuild ends with its input.
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	}()
	url := fmt.Sprintf("http://127.0.0.1:%d%s", port, p.path)
	get := func() bool {
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return true
	}
	for begin := time.Now(); !get(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not answer at %s:\n%s", p.name, url, b)
		}
	}
	m := &lab.Foreign{Name: p.name, From: strings.Join(strings.Fields(p.from)[:2], " ")}
	file := filepath.Join(dir, "trace")
	rec := lab.Record(t, cmd.Process.Pid, "-v", "-o", file)
	var wg sync.WaitGroup
	var mu sync.Mutex
	end := time.Now().Add(3 * time.Second)
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) {
				if get() {
					mu.Lock()
					m.Requests++
					mu.Unlock()
				}
			}
		}()
	}
	wg.Wait()
	if status := rec.Stop(); status != 0 {
		m.Err = fmt.Sprintf("exit status %d", status)
	}
	m.Stderr = rec.Stderr()
	m.Judge(t, bin, file)
	return m
}
