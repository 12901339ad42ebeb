cdef class Counter:
    cdef int value

    def up(self):
        self.value += 1
        return self.value


def fail():
    raise RuntimeError("no count")
