/* SPDX-License-Identifier: MIT */
/* The box of a server: names that went, past the socket. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/memfd/broker/box.h"

int box_map(int fd, struct box_page **ret)
{
	void *page = mmap(NULL, sizeof(struct box_page), PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	*ret = page;
	return 0;
}

int box_make(struct box *ret)
{
	struct box_page *page = NULL;
	int fd = memfd_create("shmipc.box", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

	if (fd < 0)
		return -errno;
	/* Now: who has no page where he writes is killed. */
	r = -posix_fallocate(fd, 0, sizeof(struct box_page));
	if (r == 0 && fcntl(fd, F_ADD_SEALS, WIRE_SEALS) < 0)
		r = -errno;
	if (r == 0)
		r = box_map(fd, &page);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = (struct box){ .page = page };
	return fd;
}

void box_unmake(struct box *box)
{
	(void)munmap(box->page, sizeof(struct box_page));
	box->page = NULL;
}

int box_put(struct box_page *page, const struct journal_entry *entry)
{
	/* Relaxed: it is ours. */
	uint32_t written =
		atomic_load_explicit(&page->written, memory_order_relaxed);
	/* [P1] */
	uint32_t taken =
		atomic_load_explicit(&page->taken, memory_order_acquire);

	if (written - taken >= BOX_ENTRIES)
		return -EAGAIN;
	/* [P2] */
	page->entries[written % BOX_ENTRIES] =
		(struct box_entry){ .order = entry->order,
				    .nonce = entry->nonce,
				    .slot = entry->slot,
				    .asked = entry->asked };
	/* [P3] */
	atomic_store_explicit(&page->written, written + 1,
			      memory_order_release);
	return 0;
}

uint32_t box_written(const struct box *box)
{
	return atomic_load_explicit(&box->page->written, memory_order_acquire);
}

/* [T3] */
static void taken_until(struct box *box, uint32_t taken)
{
	box->taken = taken;
	atomic_store_explicit(&box->page->taken, taken, memory_order_release);
}

int box_take(struct box *box, uint32_t written, uint64_t order,
	     struct journal_entry *ret)
{
	struct box_entry copy;

	if (written == box->taken)
		return 0;
	if (written - box->taken > BOX_ENTRIES) {
		taken_until(box, written);
		return -EPROTO;
	}
	/* [T2] The fence keeps the compiler from reading it once more. */
	copy = box->page->entries[box->taken % BOX_ENTRIES];
	atomic_signal_fence(memory_order_seq_cst);
	if (order && copy.order >= order)
		return 0;
	taken_until(box, box->taken + 1);
	if (copy.order == 0 || copy.slot >= JOURNAL_SLOTS)
		return -EPROTO;
	*ret = journal_make(JOURNAL_DROP, 0, NULL);
	ret->order = copy.order;
	ret->nonce = copy.nonce;
	ret->slot = copy.slot;
	ret->asked = copy.asked;
	return 1;
}
