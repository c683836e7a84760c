#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "proc/mem.h"
#include "proc/target.h"

enum { PAGE = 4096, PIECES = 3000 };

static char *two_pages; /* the first can be read, the second is not mapped */

static int setup(void **state)
{
	(void)state;
	two_pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (two_pages == MAP_FAILED)
		return -1;
	for (unsigned i = 0; i < PAGE; i++)
		two_pages[i] = (char)(i * 7 + 1);
	return munmap(two_pages + PAGE, PAGE);
}

/* Runs fn with both ways of reading this very process. */
static void both_ways(void (*fn)(const struct mem *m))
{
	struct mem_process p;
	struct target t;
	struct diag d;
	struct mem m;

	assert_int_equal(target_open(getpid(), &t, &d), 0);
	m = mem_of_target(&p, &t);
	fn(&m);
	p.slow = true;
	fn(&m);
	target_done(&t);
}

static void check_words(const struct mem *m)
{
	static const uint64_t word = 0x1122334455667788;
	uint64_t v = 5;
	uint32_t w = 5;

	assert_int_equal(mem_read_u64(m, (uintptr_t)&word, &v), 0);
	assert_int_equal(v, word);
	assert_int_equal(mem_read_u32(m, (uintptr_t)&word, &w), 0);
	assert_int_equal(w, 0x55667788);
	v = 5;
	assert_int_equal(mem_read_u64(m, 8, &v), -EFAULT);
	assert_int_equal(mem_read_u64(m, UINT64_MAX - 3, &v), -EFAULT);
	assert_int_equal(mem_read_u64(m, 0xffff800000000000, &v), -EFAULT);
	assert_int_equal(v, 5);
}

static void check_partial(const struct mem *m)
{
	char buf[64];

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(mem_read_some(m, (uintptr_t)two_pages + PAGE - 24, buf, sizeof(buf)), 24);
	assert_memory_equal(buf, two_pages + PAGE - 24, 24);
	for (unsigned i = 24; i < sizeof(buf); i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(mem_read_some(m, (uintptr_t)two_pages + PAGE, buf, sizeof(buf)), 0);
	assert_int_equal(mem_read(m, (uintptr_t)two_pages + PAGE - 64, buf, 64), 0);
	assert_int_equal(mem_read(m, (uintptr_t)two_pages + PAGE - 63, buf, 64), -EFAULT);
}

/* More pieces than one call takes, with unreadable, partial, empty and absurd ones among them. */
static void check_batch(const struct mem *m)
{
	struct mem_piece *v = calloc(PIECES, sizeof(*v));
	char *bufs = malloc(PIECES * 16);

	memset(bufs, 'x', PIECES * 16);
	for (unsigned i = 0; i < PIECES; i++) {
		uint64_t base = (uintptr_t)two_pages;
		const uint64_t addr[] = { base + i,
					  base + PAGE,
					  base + PAGE - 5,
					  base + 2 * i % 999,
					  0xfffffffffffffff8,
					  base + 16,
					  0 };

		v[i] = (struct mem_piece){
			.addr = addr[i % 7], .buf = bufs + i * 16, .len = 16, .got = 99
		};
		if (i % 7 == 5)
			v[i].len = 0;
	}
	assert_int_equal(mem_readv(m, v, PIECES), 0);
	for (unsigned i = 0; i < PIECES; i++) {
		static const size_t want[] = { 16, 0, 5, 16, 0, 0, 0 };

		assert_int_equal(v[i].got, want[i % 7]);
		if (v[i].got)
			assert_memory_equal(v[i].buf, (void *)(uintptr_t)v[i].addr, v[i].got);
		for (size_t k = v[i].got; k < v[i].len; k++)
			assert_int_equal(((char *)v[i].buf)[k], 0);
	}
	free(v);
	free(bufs);
}

static void words(void **state)
{
	(void)state;
	both_ways(check_words);
}

static void partial(void **state)
{
	(void)state;
	both_ways(check_partial);
}

static void batch(void **state)
{
	(void)state;
	both_ways(check_batch);
}

static void gone(void **state)
{
	struct mem_process p;
	struct target t;
	struct diag d;
	struct mem m;
	uint64_t v;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(target_open(pid, &t, &d), 0);
	m = mem_of_target(&p, &t);
	assert_int_equal(mem_read_u64(&m, (uintptr_t)two_pages, &v), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(mem_read_u64(&m, (uintptr_t)two_pages, &v), -ESRCH);
	p.slow = true;
	assert_int_equal(mem_read_u64(&m, (uintptr_t)two_pages, &v), -ESRCH);
	target_done(&t);
}

/* A reader that claims more than was asked for is cut to what there is room for. */
static int lying_readv(void *ctx, struct mem_piece *v, size_t cnt)
{
	(void)ctx;
	for (size_t i = 0; i < cnt; i++)
		v[i].got = SIZE_MAX;
	return 0;
}

static void lying_reader(void **state)
{
	struct mem m = { .readv = lying_readv };
	char buf[8] = { 0 };

	(void)state;
	assert_int_equal(mem_read_some(&m, 0, buf, sizeof(buf)), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words), cmocka_unit_test(partial),	 cmocka_unit_test(batch),
		cmocka_unit_test(gone),	 cmocka_unit_test(lying_reader),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
