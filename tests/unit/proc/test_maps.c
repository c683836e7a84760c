#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proc/maps.h"
#include "proc/target.h"

static int parse(const char *line, struct maps_row *row, char *path, size_t cap)
{
	const char *p;
	size_t n;
	int err = maps_parse_line(line, strlen(line), row, &p, &n);

	if (!err)
		snprintf(path, cap, "%.*s", (int)n, p);
	return err;
}

static void lines(void **state)
{
	struct maps_row r;
	char path[64];

	(void)state;
	assert_int_equal(
		parse("00400000-00401000 r-xp 00002000 fd:1f 4294967297          /a b (deleted)",
		      &r, path, sizeof(path)),
		0);
	assert_int_equal(r.start, 0x400000);
	assert_int_equal(r.end, 0x401000);
	assert_int_equal(r.prot, MAPS_R | MAPS_X);
	assert_int_equal(r.off, 0x2000);
	assert_int_equal(r.dev, makedev(0xfd, 0x1f));
	assert_int_equal(r.ino, 4294967297);
	assert_string_equal(path, "/a b (deleted)");
	assert_int_equal(
		parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ", &r, path, 64), 0);
	assert_string_equal(path, "");
	assert_int_equal(r.prot, MAPS_X);
}

static void lines_damaged(void **state)
{
	static const char *const bad[] = {
		"",
		"400000",
		"400000-",
		"400000-401000",
		"401000-400000 r-xp 00000000 00:00 0",
		"400000-400000 r-xp 00000000 00:00 0",
		"g00000-401000 r-xp 00000000 00:00 0",
		"400000-401000 r-x",
		"400000-401000 r-xp 0 00:00 ",
		"400000-401000 r-xp 0 0000 5",
		"400000-401000 r-xp 0 100000000:0 5",
		"400000-401000 r-xp 0 0:0 99999999999999999999",
		"00000000000400000-401000 r-xp 00000000 00:00 0",
	};
	struct maps_row r = { .ino = 9 };
	char path[8];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &r, path, sizeof(path)) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(r.ino, 9);
}

static void own_maps(void **state)
{
	const struct maps_row *row;
	struct target t;
	struct maps m;
	struct diag d;

	(void)state;
	assert_int_equal(target_open(getpid(), &t, &d), 0);
	assert_int_equal(maps_read(&t, &m, &d), 0);
	row = maps_at(&m, (uintptr_t)own_maps);
	assert_non_null(row);
	assert_true(row->prot & MAPS_X);
	assert_string_equal(maps_path(&m, row), t.exe);
	assert_int_equal(row->ino, t.ino);
	assert_ptr_equal(row, maps_at(&m, t.start_code));
	assert_null(maps_at(&m, 0));
	assert_null(maps_at(&m, (uintptr_t)&row)); /* the stack has no file and no execution */
	for (size_t i = 1; i < m.cnt; i++)
		assert_true(m.v[i].start >= m.v[i - 1].end);
	maps_done(&m);
	assert_null(m.v);
	target_done(&t);
}

/* The program headers in memory say the bias too: AT_PHDR minus where the file puts them. */
static uint64_t own_bias(void)
{
	const Elf64_Phdr *ph = (const void *)(uintptr_t)getauxval(AT_PHDR);

	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (ph[i].p_type == PT_PHDR)
			return (uintptr_t)ph - ph[i].p_vaddr;
	return 0;
}

static void bias(void **state)
{
	uint64_t b = 1;
	struct target t;
	struct maps m;
	struct diag d;
	void *again;

	(void)state;
	assert_int_equal(target_open(getpid(), &t, &d), 0);
	/* The same file mapped once more, lower or higher, executable: must not mislead. */
	again = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, t.exe_fd, 0);
	assert_true(again != MAP_FAILED);
	assert_int_equal(maps_read(&t, &m, &d), 0);
	assert_int_equal(maps_exe_bias(&m, &t, &b, &d), 0);
	assert_int_equal(b, own_bias());
	maps_done(&m);
	target_done(&t);
	munmap(again, 4096);
}

/* A made-up process: first PT_LOAD at 0x400000, as Go's own linker makes PIE. */
static void bias_of_go_pie(void **state)
{
	static char path[] = "bin";
	Elf64_Ehdr eh = { .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2,
			  .e_machine = EM_X86_64 };
	Elf64_Phdr ph[2] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_vaddr = 0x400000,
		  .p_filesz = 0x1800 },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_vaddr = 0x402800,
		  .p_offset = 0x1800,
		  .p_filesz = 0x800 },
	};
	struct maps_row rows[] = {
		{ .start = 0x555555400000,
		  .end = 0x555555401000,
		  .prot = MAPS_R | MAPS_X,
		  .ino = 5 },
		{ .start = 0x555555401000,
		  .end = 0x555555402000,
		  .off = 0x1000,
		  .prot = MAPS_R | MAPS_X,
		  .ino = 5 },
		{ .start = 0x555555402000,
		  .end = 0x555555403000,
		  .off = 0x1000,
		  .prot = MAPS_R | MAPS_W,
		  .ino = 5 },
	};
	struct maps m = { .v = rows, .cnt = 3, .paths = { .p = (uint8_t *)path, .len = 4 } };
	struct target t = { .pid = 1, .ino = 5, .start_code = 0x555555401200 };
	struct diag d;
	uint64_t b = 1;

	(void)state;
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	t.exe_fd = memfd_create("elf", MFD_CLOEXEC);
	assert_true(t.exe_fd >= 0);
	assert_int_equal(write(t.exe_fd, &eh, sizeof(eh)), sizeof(eh));
	assert_int_equal(write(t.exe_fd, ph, sizeof(ph)), sizeof(ph));
	assert_int_equal(maps_exe_bias(&m, &t, &b, &d), 0);
	assert_int_equal(b, 0x555555000000);
	/* Offsets that no segment has, and headers that are not there. */
	rows[0].off = rows[1].off = 0x100000;
	assert_int_equal(maps_exe_bias(&m, &t, &b, &d), -ENOENT);
	assert_int_equal(ftruncate(t.exe_fd, 70), 0);
	assert_int_equal(maps_exe_bias(&m, &t, &b, &d), -EBADMSG);
	assert_int_equal(b, 0x555555000000);
	close(t.exe_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),	  cmocka_unit_test(lines_damaged),
		cmocka_unit_test(own_maps),	  cmocka_unit_test(bias),
		cmocka_unit_test(bias_of_go_pie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
