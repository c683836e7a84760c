/*
 * site: chosen instructions compared with the go tool's disassembly and with the file's bytes,
 * version by version.
 */
#include "unit/image/fixture.h"

#include <elf.h>

#include "image/site.h"

static const char *const never_inlined[] = {
	"runtime.execute",
	"runtime.park_m",
	"runtime.goexit0",
	"runtime.preemptPark",
	"runtime.goschedImpl",
	"runtime.acquirep",
	"runtime.releasep",
	"runtime.procresize",
	"runtime.gcBgMarkStartWorkers",
	"runtime.stopTheWorldWithSema",
	"runtime.entersyscall",
	"runtime.exitsyscall",
	"runtime.casgstatus",
	"runtime.handoffp",
};

/* The address of the first PUSHQ BP in the go tool's listing of func; 0: none. */
static uint64_t listed_push(const char *path, const char *func)
{
	char cmd[512], line[1024];
	uint64_t va = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "go tool objdump -s '^%s$' %s", func, path);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *hex = strstr(line, "0x");

		if (!va && hex && strstr(line, "PUSHQ BP"))
			va = strtoull(hex, NULL, 16);
	}
	pclose(f);
	return va;
}

static void test_entry(void **state)
{
	static const char *const listed[] = {"runtime.execute", "runtime.procresize",
					     "runtime.entersyscall"};
	char path[128];
	struct diag d;

	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(fixture_versions); v++) {
		struct image *img = fixture_open(fixture_versions[v], "stripped");

		for (size_t i = 0; i < ARRAY_LEN(never_inlined); i++) {
			struct image_func f;
			struct site s;

			if (image_site_entry(img, never_inlined[i], &s, &d))
				fail_msg("%s: %s", fixture_versions[v], d.text);
			assert_int_equal(image_func_find(img, never_inlined[i], &f), 0);
			assert_int_equal(s.kind, SITE_PUSH);
			assert_int_equal(s.bytes[0], 0x55);
			assert_int_equal(s.len, 1);
			assert_int_equal(s.sp_off, 0);
			assert_string_equal(s.func, never_inlined[i]);
			assert_in_range(s.va - f.entry_va, 0, 32);
		}
		image_free(img);
	}
	for (size_t v = 0; v < 2; v++) {
		const char *version = v ? FIXTURE_NEW : FIXTURE_OLD;
		struct image *img = fixture_open(version, "default");

		for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
			struct site s;

			assert_int_equal(image_site_entry(img, listed[i], &s, &d), 0);
			assert_int_equal(s.va,
					 listed_push(fixture(version, "default", path), listed[i]));
		}
		image_free(img);
	}
}

/* A site's file offset is where its bytes stand in the file. */
static void check_site(const struct image *img, int fd, const struct site *s, uint64_t callee)
{
	uint8_t bytes[16];
	struct image_func f;
	int32_t rel;

	assert_int_equal(pread(fd, bytes, s->len, (off_t)s->file_off), s->len);
	assert_memory_equal(bytes, s->bytes, s->len);
	assert_int_equal(image_func_at(img, s->va, &f), 0);
	assert_string_equal(f.name, s->func);
	if (s->kind == SITE_NOP5) {
		assert_memory_equal(bytes, "\x0f\x1f\x44\x00\x00", 5);
		assert_true(s->va % 4096 <= 4091);
		assert_int_equal(pread(fd, bytes, 5, (off_t)s->file_off + 5), 5);
	} else {
		assert_int_equal(s->kind, SITE_CALL);
	}
	assert_int_equal(bytes[0], 0xe8);
	memcpy(&rel, bytes + 1, 4);
	assert_int_equal(s->va + (s->kind == SITE_NOP5 ? 10 : 5) + (uint64_t)(int64_t)rel, callee);
}

/* All calls of callee by the go tool's listing of all functions. */
static int listed_calls(const char *path, const char *callee)
{
	char cmd[512], line[64];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "go tool objdump %s | grep -c 'CALL %s(SB)'", path, callee);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	return atoi(line);
}

static void test_calls(void **state)
{
	static const char *const callees[] = {"runtime.ready", "runtime.injectglist",
					      "runtime.casgstatus"};
	struct diag d;
	char path[128];

	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(fixture_versions); v++) {
		const char *version = fixture_versions[v];
		struct image *img = fixture_open(version, "default");
		int fd = open(fixture(version, "default", path), O_RDONLY | O_CLOEXEC);
		struct site_list plain = {0}, nops = {0};
		struct image_func f;
		size_t nop_cnt = 0;
		int n;

		assert_int_equal(image_func_find(img, "runtime.ready", &f), 0);
		n = image_site_calls(img, "runtime.ready", NULL, false, &plain, &d);
		assert_true(n > 0 && (size_t)n == plain.cnt);
		assert_int_equal(image_site_calls(img, "runtime.ready", NULL, true, &nops, &d), n);
		for (size_t i = 0; i < plain.cnt; i++) {
			assert_int_equal(plain.v[i].kind, SITE_CALL);
			check_site(img, fd, &plain.v[i], f.entry_va);
			check_site(img, fd, &nops.v[i], f.entry_va);
			if (nops.v[i].kind != SITE_NOP5)
				continue;
			nop_cnt++;
			assert_int_equal(nops.v[i].va, plain.v[i].va - 5);
		}
		assert_true(nop_cnt > 0); /* goready.func1 in every version */
		site_list_done(&plain);
		site_list_done(&nops);
		image_free(img);
		close(fd);
	}
	for (size_t i = 0; i < ARRAY_LEN(callees); i++) {
		struct image *img = fixture_open(FIXTURE_NEW, "default");
		struct site_list l = {0};

		assert_int_equal(image_site_calls(img, callees[i], NULL, false, &l, &d),
				 listed_calls(fixture(FIXTURE_NEW, "default", path), callees[i]));
		site_list_done(&l);
		image_free(img);
	}
}

/* In func, one call of entersyscall and then one of RawSyscall6. */
static void check_syscall(const struct image *img, const char *func)
{
	struct site_list enter = {0}, raw = {0};
	struct syscall_pcs pcs;
	struct diag d;

	assert_int_equal(image_site_calls(img, "runtime.entersyscall", func, false, &enter, &d), 1);
	assert_int_equal(image_site_calls(img, "syscall.RawSyscall6", func, false, &raw, &d), 1);
	assert_int_equal(image_syscall_pcs(img, func, &pcs, &d), 0);
	assert_int_equal(pcs.enter, enter.v[0].va + enter.v[0].len);
	assert_int_equal(pcs.raw, raw.v[0].va + raw.v[0].len);
	assert_true(pcs.enter < pcs.raw);
	site_list_done(&enter);
	site_list_done(&raw);
}

static void test_named_sites(void **state)
{
	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(fixture_versions); v++) {
		struct image *img = fixture_open(fixture_versions[v], "stripped");
		const struct golayout *lay = image_get_layout(img);
		struct site s, last;
		struct site_list l = {0};
		struct image_func f;
		struct diag d;
		struct syscall_pcs pcs;
		bool rbx = false;
		int n;

		/*
		 * CREATE: the nop if wanted and there, else `call runqput`; never newproc1 itself.
		 */
		assert_int_equal(image_func_find(img, "runtime.newproc.func1", &f), 0);
		assert_int_equal(image_site_after_call(img, "runtime.newproc.func1",
						       "runtime.newproc1", false, &s, &rbx, &d),
				 0);
		assert_int_equal(s.kind, SITE_CALL);
		assert_true(rbx);
		assert_int_equal(s.va - f.entry_va, lay->minor == 22 ? 53 : 64);
		assert_int_equal(image_site_after_call(img, "runtime.newproc.func1",
						       "runtime.newproc1", true, &s, &rbx, &d),
				 0);
		assert_int_equal(s.kind, lay->minor == 22 ? SITE_CALL : SITE_NOP5);
		assert_int_equal(image_site_after_call(img, "runtime.newproc.func1",
						       "runtime.execute", true, &s, &rbx, &d),
				 -ENOENT);
		if (lay->minor >= 23)
			assert_int_equal(image_site_after_call(img, "runtime.newcoro.func1",
							       "runtime.newproc1", false, &s, &rbx,
							       &d),
					 0);

		n = image_site_calls(img, "runtime.casgstatus", "runtime.gcAssistAlloc1", false, &l,
				     &d);
		assert_true(n > 0);
		assert_int_equal(image_site_last_call(img, "runtime.gcAssistAlloc1",
						      "runtime.casgstatus", &last, &d),
				 0);
		assert_int_equal(last.va, l.v[n - 1].va);
		assert_int_equal(image_site_last_call(img, "runtime.gcAssistAlloc1",
						      "runtime.execute", &last, &d),
				 -ENOENT);
		site_list_done(&l);

		/* schedule has its nop from 1.26 on. */
		n = image_site_schedule_nop(img, &s, &d);
		assert_int_equal(n, lay->minor >= 26 ? 0 : -ENOENT);
		if (!n) {
			assert_int_equal(s.kind, SITE_NOP5);
			assert_string_equal(s.func, "runtime.schedule");
		}
		check_syscall(img, "syscall.Syscall");
		check_syscall(img, "syscall.Syscall6");
		/* Two that call only one of the two, one that is not there. */
		assert_int_equal(image_syscall_pcs(img, "syscall.RawSyscall", &pcs, &d), -ENOENT);
		assert_int_equal(image_syscall_pcs(img, "runtime.cgocall", &pcs, &d), -ENOENT);
		assert_int_equal(image_syscall_pcs(img, "syscall.nosuch", &pcs, &d), -ENOENT);
		assert_int_equal(image_site_calls(img, "runtime.nosuch", NULL, false, &l, &d),
				 -ENOENT);
		assert_int_equal(image_site_entry(img, "runtime.nosuch", &s, &d), -ENOENT);
		image_free(img);
	}
}

/* Without optimisation the new goroutine goes over the stack before it is in RBX. */
static void test_debug(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "debug");
	struct site_list l = {0};
	struct site s;
	struct diag d;
	bool rbx = false;

	(void)state;
	assert_int_equal(image_site_after_call(img, "runtime.newproc.func1", "runtime.newproc1",
					       true, &s, &rbx, &d),
			 0);
	assert_true(rbx);
	assert_int_equal(
		image_site_calls(img, "runtime.runqput", "runtime.newproc.func1", false, &l, &d),
		1);
	assert_int_equal(s.va, l.v[0].va);
	site_list_done(&l);
	image_free(img);
}

/* arm64: the branch of the stack check, `bl` sites; no site is called a nop5 or a push. */
static void test_arm64(void **state)
{
	struct image *img = fixture_open(FIXTURE_NEW, "arm64");
	struct site_list l = {0};
	struct image_func f;
	struct site s;
	struct diag d;
	bool second;
	int n;

	(void)state;
	assert_int_equal(image_get_info(img)->arch, IMAGE_ARM64);
	assert_int_equal(image_site_entry(img, "runtime.execute", &s, &d), 0);
	assert_int_equal(image_func_find(img, "runtime.execute", &f), 0);
	assert_int_equal(s.kind, SITE_ARM_BRANCH);
	assert_int_equal(s.va - f.entry_va, 8);
	assert_int_equal(s.len, 4);
	assert_int_equal(image_site_entry(img, "runtime.exitsyscall", &s, &d), -ENOTSUP);
	n = image_site_calls(img, "runtime.ready", NULL, true, &l, &d);
	assert_true(n >= 4);
	for (size_t i = 0; i < l.cnt; i++)
		assert_int_equal(l.v[i].kind, SITE_CALL);
	site_list_done(&l);
	assert_int_equal(image_site_after_call(img, "runtime.newproc.func1", "runtime.newproc1",
					       false, &s, &second, &d),
			 0);
	assert_true(second);
	image_free(img);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(site_kind_name(SITE_NOP5), "nop5");
	assert_string_equal(site_kind_name(SITE_ARM_BRANCH), "branch");
	assert_string_equal(site_kind_name((enum site_kind)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),	    cmocka_unit_test(test_calls),
		cmocka_unit_test(test_named_sites), cmocka_unit_test(test_debug),
		cmocka_unit_test(test_arm64),	    cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
