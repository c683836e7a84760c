/*
 * fuzz_image.c - the whole interface of user/image on damaged binaries.
 *
 * Input: a first byte, then
 *	even: the file itself;
 *	odd:  patches for a real binary (the fixtures that the unit tests built, chosen by the
 *	      byte's upper bits): { region u8, offset u24, width u8, value u64 }, 13 bytes each.
 * Without fixtures odd inputs do nothing.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/image/drive.h"

enum { BASES = 3, REGIONS = 4, PATCH_LEN = 13 };

static struct base {
	uint8_t *p, *work;
	size_t len;
	size_t region[REGIONS]; /* file start, function table, its records, data */
} bases[BASES];

static void base_load(struct base *b, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image *img;
	struct stat st;
	uint8_t *tab;

	if (fd < 0)
		return;
	if (fstat(fd, &st))
		abort();
	b->len = (size_t)st.st_size;
	b->p = malloc(b->len);
	b->work = malloc(b->len);
	if (!b->p || !b->work || read(fd, b->p, b->len) != st.st_size)
		abort();
	if (image_open(fd, path, &img, NULL))
		abort();
	tab = memmem(b->p, b->len, "\xf1\xff\xff\xff\0\0\x01\x08", 8);
	if (tab)
		b->region[1] = b->region[2] = (size_t)(tab - b->p);
	if (tab) {
		memcpy(&b->region[2], tab + 64, 8); /* the records: pcHeader's last offset */
		b->region[2] += b->region[1];
	}
	tab = memmem(b->p, b->len, "\xff Go buildinf:", 14);
	if (tab)
		b->region[3] = (size_t)(tab - b->p) & ~(size_t)0xfff;
	image_free(img);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void bases_load(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	base_load(&bases[0], ".output/fixtures-image/stripped-1.27.4");
	base_load(&bases[1], ".output/fixtures-image/stripped-1.22.12");
	base_load(&bases[2], ".output/fixtures-image/arm64-1.27.4");
}

static void patch(struct base *b, const uint8_t *p)
{
	uint32_t off = p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16;
	size_t at = (b->region[p[0] % REGIONS] + off) % (b->len - 8);

	memcpy(b->work + at, p + 5, 1U << p[4] % 4);
}

static void drive(const uint8_t *p, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, p, len) != (ssize_t)len)
		abort();
	drive_image(fd);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct base *b;

	if (!len)
		return 0;
	bases_load();
	b = &bases[(data[0] >> 1) % BASES];
	if (!(data[0] & 1)) {
		drive(data + 1, len - 1);
		return 0;
	}
	if (!b->p)
		return 0;
	memcpy(b->work, b->p, b->len);
	for (data++, len--; len >= PATCH_LEN; data += PATCH_LEN, len -= PATCH_LEN)
		patch(b, data);
	drive(b->work, b->len);
	return 0;
}
