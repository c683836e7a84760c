#include "image/elfimg.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/scope.h"

static void elf_endp(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

const uint8_t *elfimg_at(const struct elfimg *e, uint64_t va, uint64_t *ret_left)
{
	for (size_t i = 0; i < e->seg_cnt; i++) {
		const struct elfimg_seg *s = &e->segs[i];

		if (va >= s->va && va - s->va < s->len) {
			*ret_left = s->len - (va - s->va);
			return s->bytes + (va - s->va);
		}
	}
	return NULL;
}

struct span elfimg_span(const struct elfimg *e, uint64_t va, uint64_t len)
{
	uint64_t left = 0;
	const uint8_t *p = elfimg_at(e, va, &left);
	struct span s;

	if (p && len <= left)
		return span_of(p, len);
	s = span_of(NULL, 0);
	span_fail(&s);
	return s;
}

uint64_t elfimg_u64(const struct elfimg *e, uint64_t va, uint64_t dflt)
{
	struct span s = elfimg_span(e, va, 8);
	uint64_t v = span_u64(&s);

	return s.bad ? dflt : v;
}

int elfimg_file_off(const struct elfimg *e, uint64_t va, uint64_t *ret_off)
{
	for (size_t i = 0; i < e->seg_cnt; i++) {
		const struct elfimg_seg *s = &e->segs[i];

		if (va >= s->va && va - s->va < s->len) {
			*ret_off = s->file_off + (va - s->va);
			return 0;
		}
	}
	return -ENOENT;
}

int elfimg_va(const struct elfimg *e, uint64_t off, uint64_t *ret_va)
{
	for (size_t i = 0; i < e->seg_cnt; i++) {
		const struct elfimg_seg *s = &e->segs[i];

		if (off >= s->file_off && off - s->file_off < s->len) {
			*ret_va = s->va + (off - s->file_off);
			return 0;
		}
	}
	return -ENOENT;
}

const struct elfimg_sec *elfimg_section(const struct elfimg *e, const char *name)
{
	for (size_t i = 0; i < e->sec_cnt; i++)
		if (!strcmp(e->secs[i].name, name))
			return &e->secs[i];
	return NULL;
}

static int read_exact(int fd, void *p, uint64_t len, uint64_t off, struct diag *d)
{
	uint64_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)p + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return diag_set(d, -errno, "cannot read the file: %s", strerror(errno));
		if (n == 0)
			return diag_set_at(d, off + done, -EBADMSG,
					   "the file ends inside a segment");
		done += (uint64_t)n;
	}
	return 0;
}

static int header_check(Elf *elf, struct elfimg *e, struct diag *d)
{
	GElf_Ehdr eh;
	const char *id;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return diag_set(d, -EBADMSG, "not an ELF file");
	id = elf_getident(elf, NULL);
	if (!id || id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return diag_set(d, -ENOTSUP, "not a 64-bit little-endian ELF file");
	if (eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64)
		return diag_set(d, -ENOTSUP,
				"built for another architecture (ELF machine %u); "
				"amd64 and arm64 are supported",
				eh.e_machine);
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return diag_set(d, -ENOTSUP, "not an executable (ELF type %u)", eh.e_type);
	e->machine = eh.e_machine;
	e->dyn = eh.e_type == ET_DYN;
	return 0;
}

/* Go's note: name "Go\0\0", type 4; GNU's: name "GNU\0", type 3 (cmd/internal/buildid, readelf). */
static void notes_read(struct elfimg *e, struct span s)
{
	while (s.left >= 12 && !s.bad) {
		uint32_t namesz = span_u32(&s), descsz = span_u32(&s), type = span_u32(&s);
		const uint8_t *name = span_take(&s, ((uint64_t)namesz + 3) & ~3ULL);
		const uint8_t *desc = span_take(&s, descsz);

		if (!name || !desc)
			return;
		span_skip(&s, num_min(s.left, -descsz & 3));
		if (namesz == 4 && type == 4 && !memcmp(name, "Go\0\0", 4)) {
			size_t n = num_min(descsz, sizeof(e->go_build_id) - 1);

			for (size_t i = 0; i < n; i++)
				e->go_build_id[i] =
					(char)(desc[i] > 0x20 && desc[i] < 0x7f ? desc[i] : '?');
		} else if (namesz == 4 && type == 3 && !memcmp(name, "GNU\0", 4)) {
			size_t n = num_min(descsz, (sizeof(e->gnu_build_id) - 1) / 2);

			for (size_t i = 0; i < n; i++)
				snprintf(e->gnu_build_id + 2 * i, 3, "%02x", desc[i]);
		}
	}
}

static int note_segment(struct elfimg *e, int fd, const GElf_Phdr *ph, struct diag *d)
{
	uint64_t len = num_min(ph->p_filesz, LIMIT_NOTE_BYTES);
	SCOPED_FREE uint8_t *p = malloc(len + 1);
	int err;

	if (!p)
		return -ENOMEM;
	err = read_exact(fd, p, len, ph->p_offset, d);
	if (!err)
		notes_read(e, span_of(p, len));
	return err;
}

static int load_segment(struct elfimg *e, int fd, const GElf_Phdr *ph, uint64_t file_len,
			uint64_t *total, struct diag *d)
{
	struct elfimg_seg *s = &e->segs[e->seg_cnt];
	uint64_t end;

	if (!ph->p_filesz)
		return 0;
	if (ph->p_offset > file_len || ph->p_filesz > file_len - ph->p_offset ||
	    ph->p_filesz > ph->p_memsz || num_add(ph->p_vaddr, ph->p_memsz, &end))
		return diag_set_at(d, ph->p_offset, -EBADMSG, "a segment lies outside of the file");
	*total += ph->p_filesz;
	if (*total > LIMIT_IMAGE_BYTES)
		return diag_set(d, -E2BIG, "more than %u MiB to load", LIMIT_IMAGE_BYTES >> 20);
	s->bytes = malloc(ph->p_filesz);
	if (!s->bytes)
		return diag_set(d, -ENOMEM, "no memory for a segment");
	s->va = ph->p_vaddr;
	s->file_off = ph->p_offset;
	s->len = ph->p_filesz;
	s->exec = ph->p_flags & PF_X;
	s->write = ph->p_flags & PF_W;
	e->seg_cnt++;
	return read_exact(fd, s->bytes, s->len, s->file_off, d);
}

/* E3. DT_RELA names the table; what it says is bounded by the segments like everything else. */
static void relocs_apply(struct elfimg *e, uint64_t dyn_va, uint64_t dyn_len)
{
	uint32_t relative = e->machine == EM_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;
	struct span s = elfimg_span(e, dyn_va, dyn_len);
	uint64_t rela = 0, rela_len = 0;

	while (s.left >= 16) {
		uint64_t tag = span_u64(&s), val = span_u64(&s);

		if (tag == DT_NULL)
			break;
		if (tag == DT_RELA)
			rela = val;
		else if (tag == DT_RELASZ)
			rela_len = val;
	}
	s = elfimg_span(e, rela, rela_len);
	while (s.left >= 24) {
		uint64_t va = span_u64(&s), info = span_u64(&s), addend = span_u64(&s), left;
		uint8_t *p = (uint8_t *)elfimg_at(e, va, &left);

		if ((uint32_t)info == relative && p && left >= 8)
			memcpy(p, &addend, 8);
	}
}

static int segments_read(struct elfimg *e, Elf *elf, int fd, uint64_t file_len, struct diag *d)
{
	uint64_t total = 0, dyn_va = 0, dyn_len = 0;
	size_t n;

	if (elf_getphdrnum(elf, &n) || !n || n > LIMIT_PHDRS)
		return diag_set(d, -EBADMSG, "no usable program headers");
	e->segs = calloc(n, sizeof(*e->segs));
	if (!e->segs)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;
		int err = 0;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return diag_set(d, -EBADMSG, "program header %zu is damaged", i);
		if (ph.p_type == PT_LOAD) {
			err = load_segment(e, fd, &ph, file_len, &total, d);
		} else if (ph.p_type == PT_NOTE && ph.p_filesz) {
			err = note_segment(e, fd, &ph, d);
		} else if (ph.p_type == PT_DYNAMIC) {
			dyn_va = ph.p_vaddr;
			dyn_len = ph.p_filesz;
		}
		if (err)
			return err;
	}
	if (!e->seg_cnt)
		return diag_set(d, -EBADMSG, "no loadable segment");
	if (dyn_len)
		relocs_apply(e, dyn_va, dyn_len);
	return 0;
}

/* Section headers are a help, never needed: damaged ones are left out. */
static int sections_read(struct elfimg *e, Elf *elf)
{
	size_t strndx, n;

	if (elf_getshdrnum(elf, &n) || elf_getshdrstrndx(elf, &strndx) || !n || n > LIMIT_SHDRS)
		return 0;
	e->secs = calloc(n, sizeof(*e->secs));
	if (!e->secs)
		return -ENOMEM;
	for (size_t i = 1; i < n; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		struct elfimg_sec *sec = &e->secs[e->sec_cnt];
		const char *name;
		GElf_Shdr sh;

		if (!scn || !gelf_getshdr(scn, &sh))
			continue;
		e->has_symtab |= sh.sh_type == SHT_SYMTAB;
		name = elf_strptr(elf, strndx, sh.sh_name);
		if (!name || !(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS)
			continue;
		snprintf(sec->name, sizeof(sec->name), "%s", name);
		sec->va = sh.sh_addr;
		sec->len = sh.sh_size;
		e->sec_cnt++;
	}
	return 0;
}

int elfimg_open(struct elfimg *e, int fd, struct diag *d)
{
	SCOPED(elf_endp) Elf *elf = NULL;
	struct stat st;
	int err;

	*e = (struct elfimg){ 0 };
	if (fstat(fd, &st))
		return diag_set(d, -errno, "cannot read the file: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return diag_set(d, -EBADMSG, "not a regular file");
	if (elf_version(EV_CURRENT) == EV_NONE)
		return diag_set(d, -ENOTSUP, "libelf is too old");
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return diag_set(d, -EBADMSG, "not an ELF file: %s", elf_errmsg(-1));
	err = header_check(elf, e, d);
	if (!err)
		err = segments_read(e, elf, fd, (uint64_t)st.st_size, d);
	if (!err)
		err = sections_read(e, elf);
	if (err == -ENOMEM)
		diag_set(d, err, "no memory");
	if (err)
		elfimg_done(e);
	return err;
}

void elfimg_done(struct elfimg *e)
{
	for (size_t i = 0; i < e->seg_cnt; i++)
		free(e->segs[i].bytes);
	free(e->segs);
	free(e->secs);
	*e = (struct elfimg){ 0 };
}
