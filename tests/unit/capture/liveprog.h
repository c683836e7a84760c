/*
 * liveprog.h - a Go program in a known state, built with a toolchain of choice, for tests that read
 * a live process. It is a child of the test: reading it needs no root.
 *
 * Parts that are not here (no go command, a toolchain that cannot be had) make the test skip.
 */
#ifndef TESTS_LIVEPROG_H
#define TESTS_LIVEPROG_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/golive.h"
#include "image/image.h"
#include "proc/maps.h"
#include "proc/mem.h"
#include "proc/target.h"

enum { LIVE_SPINNERS = 6, LIVE_RECEIVERS = 40 };

static const char liveprog_source[] =
	"package main\n"
	"import (\"fmt\"; \"os\"; \"runtime\"; \"sync\"; \"syscall\"; \"time\"; \"strconv\")\n"
	"var never, other = make(chan int), make(chan int)\n"
	"var sink int\n"
	"var held sync.Mutex\n"
	"//go:noinline\nfunc recv3() { sink += <-never }\n"
	"//go:noinline\nfunc recv2() { recv3(); sink++ }\n"
	"//go:noinline\nfunc recv1() { recv2(); sink++ }\n"
	"//go:noinline\nfunc deep(n int) int { var a [64]int; a[n%64] = n\n"
	"	if n == 0 { recv3(); return a[5] }\n	return deep(n-1) + a[n%64] }\n"
	"//go:noinline\nfunc deep60() { sink += deep(60) }\n"
	"//go:noinline\nfunc deep300() { sink += deep(300) }\n"
	"//go:noinline\nfunc selector() { select {\n	case v := <-never: sink += v\n"
	"	case other <- 1: } }\n"
	"//go:noinline\nfunc locker() { held.Lock(); sink++ }\n"
	"//go:noinline\nfunc sleeper() { time.Sleep(time.Hour); sink++ }\n"
	"//go:noinline\nfunc wired() { runtime.LockOSThread(); recv3(); sink++ }\n"
	"//go:noinline\nfunc reader(fd int) { var b [1]byte; syscall.Read(fd, b[:]); sink++ }\n"
	"//go:noinline\nfunc spinner() { for { sink2++ } }\n"
	"var sink2 int\n"
	"func main() {\n"
	"	runtime.GOMAXPROCS(2)\n"
	"	n, _ := strconv.Atoi(os.Args[1]); spin, _ := strconv.Atoi(os.Args[2])\n"
	"	var wg sync.WaitGroup\n"
	"	held.Lock()\n"
	"	for i := 0; i < n; i++ { go recv1() }\n"
	"	go deep60(); go deep300(); go selector(); go locker(); go sleeper(); go wired()\n"
	"	var p [2]int; syscall.Pipe(p[:]); go reader(p[0])\n"
	"	time.Sleep(50 * time.Millisecond)\n"
	"	for i := 0; i < spin; i++ { go spinner() }\n"
	"	time.Sleep(100 * time.Millisecond)\n"
	"	for i := 0; i < 10; i++ { wg.Add(1); go wg.Done() }\n"
	"	wg.Wait()\n"
	"	fmt.Println(runtime.NumGoroutine(), syscall.Getpid())\n"
	"	reader(0)\n"
	"}\n";

/* C that calls Go that waits; a thread made by C in Go that waits; a goroutine that stays in C. */
static const char liveprog_cgo_source[] =
	"package main\n"
	"/*\n#include <pthread.h>\n#include <unistd.h>\n"
	"extern void goWait(void);\nextern void goForeign(void);\n"
	"static void through_c(void) { goWait(); }\n"
	"static void *foreign(void *a) { goForeign(); return a; }\n"
	"static void start_foreign(void) { pthread_t t; pthread_create(&t, 0, foreign, 0); }\n"
	"static void stay_in_c(void) { for (;;) pause(); }\n*/\nimport \"C\"\n"
	"import (\"fmt\"; \"os\"; \"runtime\"; \"time\")\n"
	"var never = make(chan int)\n"
	"var sink int\n"
	"//go:noinline\nfunc recv3() { sink += <-never }\n"
	"//export goWait\nfunc goWait() { recv3(); sink++ }\n"
	"//export goForeign\nfunc goForeign() { recv3(); sink++ }\n"
	"//go:noinline\nfunc callsC() { C.through_c(); sink++ }\n"
	"//go:noinline\nfunc inC() { C.stay_in_c(); sink++ }\n"
	"func main() {\n"
	"	go callsC(); go inC(); C.start_foreign()\n"
	"	time.Sleep(200 * time.Millisecond)\n"
	"	fmt.Println(runtime.NumGoroutine(), os.Getpid())\n"
	"	recv3()\n"
	"}\n";

struct liveprog {
	char dir[64];
	char bin[96];
	pid_t pid;
	int in, out;
	unsigned goroutines; /* runtime.NumGoroutine: without the runtime's own */
	struct target target;
	struct image *img;
	struct mem_process proc;
	struct mem mem;
	struct golive live;
	uint64_t bias;
};

static inline int liveprog_sh(const char *cmd)
{
	int status = system(cmd);

	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static inline bool liveprog_write(const struct liveprog *p, const char *name, const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	f = fopen(path, "w");
	if (!f)
		return false;
	fputs(text, f);
	return fclose(f) == 0;
}

/* go: "1.22.12" and so on. False (and a word why): the toolchain is not to be had. */
static inline bool liveprog_build_source(struct liveprog *p, const char *source, const char *env,
					 const char *go, const char *flags)
{
	char cmd[512];

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "/tmp/gotrace-live-XXXXXX");
	if (!mkdtemp(p->dir))
		return false;
	snprintf(p->bin, sizeof(p->bin), "%s/prog", p->dir);
	if (!liveprog_write(p, "main.go", source) ||
	    !liveprog_write(p, "go.mod", "module prog\n\ngo 1.21\n"))
		return false;
	snprintf(cmd, sizeof(cmd),
		 "cd %s && GOFLAGS= GOTOOLCHAIN=go%s %s go build %s -o prog . >log 2>&1", p->dir,
		 go, env, flags);
	if (liveprog_sh(cmd) == 0)
		return true;
	snprintf(cmd, sizeof(cmd), "tail -3 %s/log >&2", p->dir);
	(void)liveprog_sh(cmd);
	fprintf(stderr, "skipped: cannot build with go%s\n", go);
	return false;
}

static inline bool liveprog_build(struct liveprog *p, const char *go, const char *flags)
{
	return liveprog_build_source(p, liveprog_source, "CGO_ENABLED=0", go, flags);
}

static inline bool liveprog_build_cgo(struct liveprog *p, const char *go, const char *flags)
{
	return liveprog_build_source(p, liveprog_cgo_source, "CGO_ENABLED=1", go, flags);
}

static inline bool liveprog_start(struct liveprog *p, unsigned receivers, unsigned spinners)
{
	int in[2], out[2], pid;
	char line[64] = "", n[16], s[16];
	ssize_t got;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	snprintf(n, sizeof(n), "%u", receivers);
	snprintf(s, sizeof(s), "%u", spinners);
	p->pid = fork();
	if (p->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(p->bin, p->bin, n, s, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	got = read(p->out, line, sizeof(line) - 1);
	usleep(50 * 1000); /* from this write on to the read that it waits in */
	return got > 0 && sscanf(line, "%u %d", &p->goroutines, &pid) == 2;
}

/* Everything that snapshot and livecheck need; false and the reason on stderr. */
static inline bool liveprog_open(struct liveprog *p)
{
	struct diag d = { .text = "" };
	struct maps maps = { 0 };
	bool ok = target_open(p->pid, &p->target, &d) == 0 &&
		  maps_read(&p->target, &maps, &d) == 0 &&
		  maps_exe_bias(&maps, &p->target, &p->bias, &d) == 0 &&
		  image_open(p->target.exe_fd, p->bin, &p->img, &d) == 0;

	maps_done(&maps);
	if (ok) {
		p->mem = mem_of_target(&p->proc, &p->target);
		ok = golive_init(&p->live, &p->mem, p->img, NULL, p->bias, &d) == 0;
	}
	if (!ok)
		fprintf(stderr, "%s\n", d.text);
	return ok;
}

static inline void liveprog_end(struct liveprog *p)
{
	char cmd[128];

	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		close(p->in);
		close(p->out);
	}
	target_done(&p->target);
	image_free(p->img);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", p->dir);
	if (strncmp(p->dir, "/tmp/gotrace-live-", 18) == 0)
		(void)liveprog_sh(cmd);
	memset(p, 0, sizeof(*p));
}

/* A row of cmocka's for fn, whose *state is { toolchain, flags }; end_prog, the includer's, runs behind it. */
/* clang-format off */
#define LIVEPROG_TEST(fn, go, flags)                                                               \
	{ #fn " go" go " " flags, fn, NULL, end_prog, (void *)(const char *[]){ go, flags } }
/* clang-format on */

#endif
