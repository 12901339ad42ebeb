/* Reservations of address space, which memory.c keeps until they are given back. */

#pragma once

#include <stdint.h>

enum { NOT_FOUND = -2, NO_MEMORY = -12, ACCESS = -13, EXISTS = -17, INVALID = -22 }; /* -errno by Linux's numbers */
enum { TRIES = 64 }; /* places that somebody else takes while we look */

enum memory_kind { PRIVATE, VIEW /* of a file or section */ };

/* 0 without memory. */
int keep_reservation(uint64_t base, uint64_t size, enum memory_kind kind);

/* The highest place for `size` bytes in [low, high); 0 where there is none. */
uint64_t free_place(uint64_t size, uint64_t low, uint64_t high);
