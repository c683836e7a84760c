/* elfimg: addresses and offsets of real binaries; damaged headers are refused, never trusted. */
#include "unit/image/fixture.h"

#include <elf.h>

#include "image/elfimg.h"

static int open_bytes(const uint8_t *p, size_t len, struct elfimg *e, struct diag *d)
{
	int fd = fixture_memfd(p, len);
	int err = elfimg_open(e, fd, d);

	close(fd);
	return err;
}

/* This very program: an ELF file that is always at hand, with relocations. */
static void test_self(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct diag d = {0};
	uint64_t off, va, left;
	struct elfimg e;
	size_t execs = 0;

	(void)state;
	assert_int_equal(elfimg_open(&e, fd, &d), 0);
	assert_true(e.has_symtab);
	assert_non_null(elfimg_section(&e, ".text"));
	assert_null(elfimg_section(&e, ".bss")); /* not in the file */
	assert_null(elfimg_section(&e, ".symtab"));
	for (size_t i = 0; i < e.seg_cnt; i++) {
		const struct elfimg_seg *s = &e.segs[i];
		uint8_t byte;

		execs += s->exec;
		assert_int_equal(elfimg_file_off(&e, s->va + s->len - 1, &off), 0);
		assert_int_equal(off, s->file_off + s->len - 1);
		assert_int_equal(elfimg_va(&e, s->file_off, &va), 0);
		assert_int_equal(va, s->va);
		assert_non_null(elfimg_at(&e, s->va + s->len - 1, &left));
		assert_int_equal(left, 1);
		assert_false(elfimg_span(&e, s->va, s->len).bad);
		assert_true(elfimg_span(&e, s->va, s->len + 1).bad);
		assert_true(elfimg_span(&e, s->va, UINT64_MAX).bad);
		if (s->exec) {
			assert_int_equal(pread(fd, &byte, 1, (off_t)s->file_off), 1);
			assert_int_equal(byte, s->bytes[0]);
		}
	}
	assert_int_equal(execs, 1);
	assert_int_equal(elfimg_file_off(&e, UINT64_MAX, &off), -ENOENT);
	assert_int_equal(elfimg_va(&e, UINT64_MAX, &va), -ENOENT);
	assert_int_equal(elfimg_u64(&e, UINT64_MAX - 3, 7), 7);
	elfimg_done(&e);
	close(fd);
}

/* A little ELF file of our own: header, three program headers, data with one relocation. */
struct tiny {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	Elf64_Dyn dyn[3];
	Elf64_Rela rela[3];
	uint64_t data[2];
	struct {
		uint32_t namesz, descsz, type;
		char name[4], desc[8];
	} note;
};

static struct tiny tiny_make(void)
{
	struct tiny t = {
		.eh = {.e_type = ET_DYN,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_phoff = offsetof(struct tiny, ph),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 3},
		.ph = {{.p_type = PT_LOAD,
			.p_flags = PF_R | PF_W,
			.p_vaddr = 0x1000,
			.p_filesz = sizeof(struct tiny),
			.p_memsz = sizeof(struct tiny)},
		       {.p_type = PT_DYNAMIC,
			.p_vaddr = 0x1000 + offsetof(struct tiny, dyn),
			.p_offset = offsetof(struct tiny, dyn),
			.p_filesz = 48},
		       {.p_type = PT_NOTE,
			.p_offset = offsetof(struct tiny, note),
			.p_filesz = 24}},
		.dyn = {{.d_tag = DT_RELA, .d_un.d_val = 0x1000 + offsetof(struct tiny, rela)},
			{.d_tag = DT_RELASZ, .d_un.d_val = 72},
			{.d_tag = DT_NULL}},
		.rela = {{.r_offset = 0x1000 + offsetof(struct tiny, data),
			  .r_info = R_X86_64_RELATIVE,
			  .r_addend = 0x4242},
			 {.r_offset = 0xdead0000, .r_info = R_X86_64_RELATIVE},
			 {.r_offset = 0x1000 + sizeof(struct tiny) - 1,
			  .r_info = R_X86_64_RELATIVE,
			  .r_addend = -1}},
		.data = {1, 2},
		.note = {4, 8, 4, "Go\0", "id/\x1b\x7f xy"},
	};

	memcpy(t.eh.e_ident, ELFMAG, SELFMAG);
	t.eh.e_ident[EI_CLASS] = ELFCLASS64;
	t.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	t.eh.e_ident[EI_VERSION] = EV_CURRENT;
	return t;
}

static void test_tiny(void **state)
{
	struct tiny t = tiny_make();
	struct diag d = {0};
	struct elfimg e;

	(void)state;
	if (open_bytes((uint8_t *)&t, sizeof(t), &e, &d))
		fail_msg("%s", d.text);
	assert_true(e.dyn);
	assert_false(e.has_symtab);
	assert_int_equal(elfimg_u64(&e, 0x1000 + offsetof(struct tiny, data), 0), 0x4242);
	assert_int_equal(elfimg_u64(&e, 0x1000 + offsetof(struct tiny, data) + 8, 0), 2);
	assert_string_equal(e.go_build_id, "id/???xy"); /* control characters never pass */
	elfimg_done(&e);
	elfimg_done(&e); /* twice is fine */
}

#define REFUSED(change, errno_)                                                                    \
	do {                                                                                       \
		struct tiny t = tiny_make();                                                       \
		struct diag d = {0};                                                               \
		struct elfimg e;                                                                   \
                                                                                                   \
		change;                                                                            \
		assert_int_equal(open_bytes((uint8_t *)&t, sizeof(t), &e, &d), errno_);            \
		assert_true(d.text[0]);                                                            \
		assert_null(e.segs);                                                               \
	} while (0)

static void test_refused(void **state)
{
	(void)state;
	REFUSED(t.eh.e_ident[0] = 0, -EBADMSG);
	REFUSED(t.eh.e_ident[EI_CLASS] = ELFCLASS32, -ENOTSUP);
	REFUSED(t.eh.e_machine = EM_RISCV, -ENOTSUP);
	REFUSED(t.eh.e_type = ET_REL, -ENOTSUP);
	REFUSED(t.eh.e_phnum = 0, -EBADMSG);
	REFUSED(t.eh.e_phnum = 0xfffe, -EBADMSG);
	REFUSED(t.eh.e_phoff = UINT64_MAX - 8, -EBADMSG);
	REFUSED(t.ph[0].p_type = PT_NULL, -EBADMSG);
	REFUSED(t.ph[0].p_filesz++, -EBADMSG);
	REFUSED(t.ph[0].p_filesz = UINT64_MAX, -EBADMSG);
	REFUSED(t.ph[0].p_offset = UINT64_MAX, -EBADMSG);
	REFUSED(t.ph[0].p_vaddr = UINT64_MAX - 4, -EBADMSG);
	REFUSED(t.ph[0].p_memsz = 1, -EBADMSG);
}

/* Wrong places for relocations and notes are left alone: they are no reason to refuse. */
static void test_tolerated(void **state)
{
	struct tiny t = tiny_make();
	struct diag d = {0};
	struct elfimg e;

	(void)state;
	t.dyn[1].d_un.d_val = UINT64_MAX;
	t.ph[1].p_filesz = UINT64_MAX;
	t.note.namesz = UINT32_MAX;
	assert_int_equal(open_bytes((uint8_t *)&t, sizeof(t), &e, &d), 0);
	assert_int_equal(elfimg_u64(&e, 0x1000 + offsetof(struct tiny, data), 0), 1);
	assert_string_equal(e.go_build_id, "");
	elfimg_done(&e);
}

static void test_truncated(void **state)
{
	struct tiny t = tiny_make();
	struct diag d = {0};
	struct elfimg e;
	int fd;

	(void)state;
	for (size_t len = 0; len < sizeof(t); len++)
		assert_true(open_bytes((uint8_t *)&t, len, &e, &d) < 0);
	fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_int_equal(elfimg_open(&e, fd, &d), -EBADMSG);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),	  cmocka_unit_test(test_tiny),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_tolerated),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
