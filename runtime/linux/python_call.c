/* Typed calls from Python without Python code in between: arguments to registers, the call, the result to an object.
 *
 * A function of this kind is a built-in function object (METH_FASTCALL) whose `self` is an object with a plan. It takes
 * what needs no thought: numbers, None, addresses, bytes and buffers, for functions whose arguments are in registers or
 * plain stack words. Whatever else it is given, wrong arguments among it, goes to the plan's `otherwise`, which is the
 * same call in Python, so that no error has two texts.
 *
 * Of Python only what the stable ABI has is used (PEP 384; Py_buffer as of 3.11, with the same layout in 3.10), declared
 * here, so that one archive serves all versions. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    intptr_t references;
    void *type;
} PyObject;

typedef struct {
    void *buffer;
    PyObject *object;
    intptr_t length, item_size;
    int is_read_only, dimensions;
    char *format;
    intptr_t *shape, *strides, *suboffsets;
    void *internal;
} Buffer;

typedef struct {
    const char *name;
    void *function;
    int flags;
    const char *text;
} MethodDefinition;

typedef struct {
    int number;
    void *function;
} TypeSlot;

typedef struct {
    const char *name;
    int basic_size, item_size;
    unsigned flags;
    TypeSlot *slots;
} TypeDescription;

#define RARE(condition) __builtin_expect(condition, 0)
#define EXPORTED __attribute__((visibility("default")))

enum { METH_FASTCALL = 0x80, FORMAT_AND_C_CONTIGUOUS = 0x38 | 0x4, WRITABLE = 0x1 };
enum { TP_DEALLOC = 52, NO_INSTANTIATION_AND_IMMUTABLE = 1 << 7 | 1 << 8 };

extern PyObject PyLong_Type, PyFloat_Type, PyBytes_Type, _Py_NoneStruct, _Py_TrueStruct, _Py_FalseStruct;
extern int64_t PyLong_AsLongLongAndOverflow(PyObject *, int *);
extern uint64_t PyLong_AsUnsignedLongLong(PyObject *);
extern double PyLong_AsDouble(PyObject *), PyFloat_AsDouble(PyObject *);
extern PyObject *PyLong_FromLong(int64_t), *PyLong_FromUnsignedLongLong(uint64_t), *PyFloat_FromDouble(double);
extern PyObject *PyBool_FromLong(int64_t), *PyErr_Occurred(void), *PyErr_NoMemory(void);
extern void PyErr_Clear(void), PyErr_SetObject(void *, PyObject *), Py_IncRef(PyObject *), Py_DecRef(PyObject *);
extern char *PyBytes_AsString(PyObject *);
extern int PyObject_GetBuffer(PyObject *, Buffer *, int);
extern void PyBuffer_Release(Buffer *);
extern void *PyEval_SaveThread(void);
extern void PyEval_RestoreThread(void *);
extern PyObject *PyTuple_New(intptr_t), *PyObject_Call(PyObject *, PyObject *, PyObject *);
extern int PyTuple_SetItem(PyObject *, intptr_t, PyObject *);
extern PyObject *PyType_FromSpec(TypeDescription *), *PyType_GenericAlloc(PyObject *, intptr_t);
extern void PyObject_Free(void *);
extern PyObject *PyCFunction_NewEx(MethodDefinition *, PyObject *, PyObject *);

/* The kinds of arguments and results; src/uruk/platforms/linux/python_calls.py has the same numbers. */
enum { NOTHING, SIGNED, UNSIGNED64, BOOL, DOUBLE, FLOAT, POINTER, MOST = 8 };

typedef struct {
    uint8_t kind;
    uint8_t is_const;
    char formats[6]; /* letters of the struct module that items of a buffer may have; none: any */
    int64_t low, high; /* the bounds of an integer */
} Slot;

typedef struct {
    uint64_t function; /* 0 once its code was removed */
    uint8_t count, holds_lock, unused[6];
    Slot result;
    Slot arguments[MOST];
} Plan;

/* In both calling conventions integers and floating-point numbers take registers independently of each other, and words
   beyond them lie on the stack in order: a call with more of either than the function has is harmless. */
typedef struct {
    int64_t words[MOST];
    double numbers[MOST];
    Buffer buffers[MOST];
    unsigned word_count, number_count, buffer_count;
} Registers;

/* A call under way. The interpreter's lock guards the list of all of them, the latest first, and that of those to be used
 * again. They lie on no stack: a thread may end in its call (pthread_exit, a fork's other threads, daemon threads at the
 * interpreter's end), and stacks may be switched. */
typedef struct Call {
    struct Call *next;
    void *thread; /* 0: it is not under way */
    uint64_t function;
    int is_spare; /* or a function's own */
    PyObject *error; /* the first exception of Python code that was called back, for this call to raise */
} Call;

/* `self` of a function object. */
typedef struct {
    PyObject object;
    Plan plan;
    Call own; /* the one call at a time that needs no memory */
    MethodDefinition method;
    PyObject *otherwise;
} Function;

static Call *calls, *spare;

#define WORDS6 int64_t, int64_t, int64_t, int64_t, int64_t, int64_t
#define NUMBERS8 double, double, double, double, double, double, double, double
#define ALL WORDS6, NUMBERS8, int64_t, int64_t

/* The integers of which an interpreter has one object each, where these lie in a row as CPython's do: the object tells the
 * number then, and the number the object, without a call. That it is so is seen, and not known, as of these objects there
 * are references for ever. */
enum { SMALLEST = -5, SMALL = 262, SMALL_SIZE = 32 };
static char *small;

static void find_small(void)
{
    PyObject *first = PyLong_FromLong(SMALLEST);
    for (int i = 0; i < SMALL; i++) {
        PyObject *one = PyLong_FromLong(SMALLEST + i), *again = PyLong_FromLong(SMALLEST + i);
        if (!one || one != again || (char *)one != (char *)first + SMALL_SIZE * i) return; /* a few references are kept */
    }
    small = (char *)first;
}

/* Return the row of one of these, or what is no row: SMALL or more. */
static inline uint64_t small_row(PyObject *value)
{
    return ((uint64_t)value - (uint64_t)small) / SMALL_SIZE;
}

/* Return a new reference. */
static inline PyObject *integer(int64_t value)
{
    if (!small || (uint64_t)(value - SMALLEST) >= SMALL) return PyLong_FromLong(value);
    PyObject *object = (PyObject *)(small + SMALL_SIZE * (value - SMALLEST));
    object->references++; /* as in `none` */
    return object;
}

/* Get an integer that is within the bounds of its type; 0 for anything else. */
static inline int is_in(PyObject *value, const Slot *slot, int64_t *word)
{
    uint64_t row = small_row(value);
    int overflow = 0;
    if (row < SMALL) *word = (int64_t)row + SMALLEST;
    else if (value->type != &PyLong_Type) return 0;
    else *word = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow && *word >= slot->low && *word <= slot->high;
}

static int is_signed_word(PyObject *value, const Slot *slot, Registers *registers)
{
    if (!is_in(value, slot, &registers->words[registers->word_count])) return 0;
    registers->word_count++;
    return 1;
}

static int is_unsigned_word(PyObject *value, Registers *registers)
{
    uint64_t row = small_row(value);
    if (row < SMALL && row + SMALLEST < SMALL) {
        registers->words[registers->word_count++] = (int64_t)row + SMALLEST;
        return 1;
    }
    if (value->type != &PyLong_Type) return 0;
    uint64_t word = PyLong_AsUnsignedLongLong(value);
    if (word == UINT64_MAX && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    registers->words[registers->word_count++] = (int64_t)word;
    return 1;
}

static int is_number(PyObject *value, int is_single, Registers *registers)
{
    double number;
    if (value->type == &PyFloat_Type) {
        number = PyFloat_AsDouble(value);
    } else if (value->type == &PyLong_Type) {
        number = PyLong_AsDouble(value);
        if (number == -1 && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
    } else {
        return 0;
    }
    if (is_single) { /* a float is the low half of its register; what the other half holds does not matter */
        float single = (float)number;
        memcpy(&number, &single, sizeof single);
    }
    registers->numbers[registers->number_count++] = number;
    return 1;
}

static int is_of_pointers(const char *format)
{
    if (format[0] == '<' || format[0] == '>') format++;
    return format[0] && strchr("PzZ&X", format[0]) != 0;
}

static int is_place(PyObject *value, const Slot *slot, Registers *registers)
{
    if (value == &_Py_NoneStruct) {
        registers->words[registers->word_count++] = 0;
        return 1;
    }
    if (value->type == &PyLong_Type) return is_unsigned_word(value, registers);
    if (value->type == &PyBytes_Type) {
        if (!slot->is_const || (slot->formats[0] && !strchr(slot->formats, 'B'))) return 0;
        registers->words[registers->word_count++] = (int64_t)PyBytes_AsString(value);
        return 1;
    }
    Buffer *buffer = &registers->buffers[registers->buffer_count];
    if (PyObject_GetBuffer(value, buffer, FORMAT_AND_C_CONTIGUOUS | (slot->is_const ? 0 : WRITABLE))) {
        PyErr_Clear();
        return 0;
    }
    registers->buffer_count++; /* to be released, whatever comes */
    const char *format = buffer->format ? buffer->format : "B";
    if (slot->formats[0] && (!format[0] || format[1] || !strchr(slot->formats, format[0]))) return 0;
    if (!slot->formats[0] && is_of_pointers(format)) return 0; /* which of ctypes are addresses, Python knows */
    registers->words[registers->word_count++] = (int64_t)buffer->buffer;
    return 1;
}

static int take(PyObject *value, const Slot *slot, Registers *registers)
{
    switch (slot->kind) {
    case SIGNED: return is_signed_word(value, slot, registers);
    case DOUBLE: return is_number(value, 0, registers);
    case FLOAT: return is_number(value, 1, registers);
    case POINTER: return is_place(value, slot, registers);
    case UNSIGNED64: return is_unsigned_word(value, registers);
    case BOOL:
        if (value != &_Py_TrueStruct && value != &_Py_FalseStruct) return 0;
        registers->words[registers->word_count++] = value == &_Py_TrueStruct;
        return 1;
    default: return 0;
    }
}

static void release(Registers *registers)
{
    while (registers->buffer_count) PyBuffer_Release(&registers->buffers[--registers->buffer_count]);
}

static PyObject *call_otherwise(PyObject *callable, PyObject *const *values, intptr_t count)
{
    PyObject *arguments = PyTuple_New(count);
    if (!arguments) return 0;
    for (intptr_t i = 0; i < count; i++) {
        Py_IncRef(values[i]);
        PyTuple_SetItem(arguments, i, values[i]);
    }
    PyObject *result = PyObject_Call(callable, arguments, 0);
    Py_DecRef(arguments);
    return result;
}

#define CALL(type)                                                                                                     \
    (r->word_count == 0 && r->number_count <= 2                                                                        \
         ? ((type(*)(double, double))function)(n[0], n[1])                                                             \
     : r->number_count == 0 && r->word_count <= 6                                                                      \
         ? ((type(*)(WORDS6))function)(w[0], w[1], w[2], w[3], w[4], w[5])                                             \
         : ((type(*)(ALL))function)(w[0], w[1], w[2], w[3], w[4], w[5], n[0], n[1], n[2], n[3], n[4], n[5], n[6],      \
                                    n[7], w[6], w[7]))

/* Not inline: gcc's code for both copies took 1.4 times as long. */
static __attribute__((noinline)) void call(const Plan *plan, void *function, Registers *r, int64_t *word,
                                           double *number)
{
    int64_t *w = r->words;
    double *n = r->numbers;
    if (plan->result.kind == DOUBLE) *number = CALL(double);
    else if (plan->result.kind == FLOAT) *number = CALL(float);
    else *word = CALL(int64_t);
}

/* Modules for the stable ABI count references inline, which is a call saved: where None is immortal that does no harm. */
static inline PyObject *none(void)
{
    _Py_NoneStruct.references++;
    return &_Py_NoneStruct;
}

/* Of a narrow integer only its own bits are defined (psABI, "Parameter Passing"): the bounds tell how many those are. */
static PyObject *result_of(const Slot *slot, int64_t word, double number)
{
    switch (slot->kind) {
    case SIGNED:
        if (slot->high == INT32_MAX && slot->low) return integer((int32_t)word);
        if (slot->high != INT64_MAX) word &= slot->low ? 2 * slot->high + 1 : slot->high;
        if (slot->low && word > slot->high) word -= 2 * (slot->high + 1);
        return integer(word);
    case UNSIGNED64: return PyLong_FromUnsignedLongLong((uint64_t)word);
    case BOOL: return PyBool_FromLong(word & 0xff);
    case DOUBLE: return PyFloat_FromDouble(number);
    case FLOAT: return PyFloat_FromDouble(number);
    default: return none();
    }
}

/* Return a call for a function that has one already, or 0 with an exception set where there is no memory. */
static __attribute__((noinline)) Call *another(const Function *function)
{
    Call *call = spare;
    if (call) {
        spare = call->next;
    } else if (!(call = malloc(sizeof *call))) {
        PyErr_NoMemory();
        return 0;
    }
    call->function = function->own.function;
    call->is_spare = 1;
    call->error = 0;
    return call;
}

/* Take a call out of the list that does not begin with it: other threads have begun calls since. */
static __attribute__((noinline)) void take_out(Call *call)
{
    Call **place = &calls;
    while (*place != call) place = &(*place)->next;
    *place = call->next;
}

/* The plan's function is read once, with the interpreter's lock held from there to here: so either whoever removes the
 * code finds the call in the list, or the call finds that the code is gone. Returns 0 with an exception set where there is
 * no memory. */
static inline Call *begin(Function *function, void **thread)
{
    Call *own = &function->own;
    if (RARE(own->thread != 0) && !(own = another(function))) return 0;
    own->thread = __builtin_thread_pointer();
    own->next = calls;
    calls = own;
    /* The function may wait for another thread of Python's. */
    *thread = function->plan.holds_lock ? 0 : PyEval_SaveThread();
    return own;
}

static inline void give_back(Call *call)
{
    call->thread = 0;
    if (RARE(call->is_spare)) {
        call->next = spare;
        spare = call;
    }
}

static __attribute__((noinline)) int raise(PyObject *error)
{
    PyErr_SetObject(error->type, error);
    Py_DecRef(error);
    return -1;
}

/* Return 0, or -1 with the exception set that the call leads to. */
static inline int end(Call *own, void *thread)
{
    if (thread) PyEval_RestoreThread(thread);
    if (RARE(calls != own)) take_out(own);
    else calls = own->next;
    PyObject *error = own->error;
    own->error = 0;
    give_back(own);
    return RARE(error != 0) ? raise(error) : 0;
}

/* Have the innermost call of this thread raise an exception when it returns. Returns 0 if there is none, or if it has one
 * to raise already. Called with the interpreter's lock held. */
EXPORTED int32_t uruk_py_raise_later(PyObject *error)
{
    void *thread = __builtin_thread_pointer();
    for (Call *call = calls; call; call = call->next) {
        if (call->thread != thread) continue;
        if (call->error) return 0;
        Py_IncRef(call->error = error);
        return 1;
    }
    return 0;
}

/* The number of calls under way, of all threads, in functions from `start` to `end`. Called with the interpreter's lock
 * held. */
EXPORTED int64_t uruk_py_calls_in(uint64_t start, uint64_t end)
{
    int64_t count = 0;
    for (Call *call = calls; call; call = call->next) count += call->function >= start && call->function < end;
    return count;
}

/* Forget the calls of all other threads: a fork's child has none of these. Called with the interpreter's lock held. */
EXPORTED void uruk_py_forget_threads(void)
{
    void *thread = __builtin_thread_pointer();
    for (Call **place = &calls; *place;) {
        Call *call = *place;
        if (call->thread == thread) {
            place = &call->next;
            continue;
        }
        *place = call->next;
        if (call->error) Py_DecRef(call->error);
        call->error = 0;
        give_back(call);
    }
}

/* METH_FASTCALL's signature. */
static PyObject *call_native(PyObject *self, PyObject *const *values, intptr_t count)
{
    Function *function = (Function *)self;
    const Plan *plan = &function->plan;
    Registers registers;
    registers.word_count = registers.number_count = registers.buffer_count = 0;
    int fits = count == plan->count && plan->function;
    for (intptr_t i = 0; fits && i < count; i++) fits = take(values[i], &plan->arguments[i], &registers);
    uint64_t code = plan->function; /* now: a buffer of Python code's may have let other threads go on */
    if (!fits || !code) {
        release(&registers);
        return call_otherwise(function->otherwise, values, count);
    }
    int64_t word = 0;
    double number = 0;
    void *thread;
    Call *own = begin(function, &thread);
    if (!own) {
        release(&registers);
        return 0;
    }
    call(plan, (void *)code, &registers, &word, &number);
    int failed = end(own, thread);
    release(&registers);
    return failed ? 0 : result_of(&plan->result, word, number);
}

/* The same for one number with a number as result. */
static PyObject *call_with_number(PyObject *self, PyObject *const *values, intptr_t count)
{
    Function *function = (Function *)self;
    uint64_t code = function->plan.function;
    if (count != 1 || values[0]->type != &PyFloat_Type || !code) return call_native(self, values, count);
    double number = PyFloat_AsDouble(values[0]);
    void *thread;
    Call *own = begin(function, &thread);
    if (!own) return 0;
    number = ((double (*)(double))code)(number);
    return end(own, thread) ? 0 : PyFloat_FromDouble(number);
}

/* The same for two integers of 32 bits, with one as result. */
static PyObject *call_with_words(PyObject *self, PyObject *const *values, intptr_t count)
{
    Function *function = (Function *)self;
    uint64_t code = function->plan.function;
    int64_t first, second;
    const Slot *slots = function->plan.arguments;
    if (count != 2 || !code || !is_in(values[0], &slots[0], &first) || !is_in(values[1], &slots[1], &second))
        return call_native(self, values, count);
    void *thread;
    Call *own = begin(function, &thread);
    if (!own) return 0;
    int32_t word = ((int32_t(*)(int64_t, int64_t))code)(first, second);
    return end(own, thread) ? 0 : integer(word);
}

/* The same for an address or buffer and its size, without result. */
static PyObject *call_with_place(PyObject *self, PyObject *const *values, intptr_t count)
{
    Function *function = (Function *)self;
    const Plan *plan = &function->plan;
    Registers registers;
    registers.word_count = registers.buffer_count = 0;
    if (count != 2 || !is_place(values[0], &plan->arguments[0], &registers) ||
        !is_unsigned_word(values[1], &registers) || !plan->function) {
        release(&registers);
        return call_native(self, values, count);
    }
    void *thread;
    uint64_t code = plan->function;
    Call *own = begin(function, &thread);
    if (own) ((void (*)(int64_t, int64_t))code)(registers.words[0], registers.words[1]);
    int failed = !own || end(own, thread);
    release(&registers);
    return failed ? 0 : none();
}

static void set_method(Function *function)
{
    const Plan *plan = &function->plan;
    function->method.flags = METH_FASTCALL;
    function->method.function = call_native;
    if (plan->count == 1 && plan->arguments[0].kind == DOUBLE && plan->result.kind == DOUBLE) {
        function->method.function = call_with_number;
    } else if (plan->count == 2 && plan->arguments[0].kind == SIGNED && plan->arguments[1].kind == SIGNED &&
               plan->result.kind == SIGNED && plan->result.low == INT32_MIN) {
        function->method.function = call_with_words;
    } else if (plan->count == 2 && plan->arguments[0].kind == POINTER && plan->arguments[1].kind == UNSIGNED64 &&
               plan->result.kind == NOTHING) {
        function->method.function = call_with_place;
    }
}

static void forget(PyObject *self)
{
    Function *function = (Function *)self;
    PyObject *type = self->type;
    if (function->otherwise) Py_DecRef(function->otherwise);
    free((void *)function->method.name);
    free((void *)function->method.text);
    PyObject_Free(self);
    Py_DecRef(type); /* each object has a reference to a type that was made at run time */
}

/* Return a new `self`, all zeros behind its head; 0 with an exception set. */
static Function *new_self(void)
{
    static PyObject *type;
    if (!type) {
        TypeSlot slots[] = {{TP_DEALLOC, forget}, {0, 0}};
        TypeDescription description = {"uruk.TypedCall", sizeof(Function), 0, NO_INSTANTIATION_AND_IMMUTABLE, slots};
        type = PyType_FromSpec(&description);
        find_small();
    }
    return type ? (Function *)PyType_GenericAlloc(type, 0) : 0;
}

/* Return a new function object with a copy of a plan, or 0 with an exception set. `name` is what the function calls itself,
 * `text` its documentation. `place` gets the address of the plan's copy, whose function is set to 0 when its code goes. */
EXPORTED PyObject *uruk_py_new_function(const Plan *plan, const char *name, const char *text, PyObject *otherwise,
                                        Plan **place)
{
    Function *function = new_self();
    if (!function) return 0;
    function->plan = *plan;
    function->own.function = plan->function;
    Py_IncRef(function->otherwise = otherwise);
    function->method.name = strdup(name);
    function->method.text = strdup(text);
    set_method(function);
    *place = &function->plan;
    int has_texts = function->method.name && function->method.text;
    PyObject *made = has_texts ? PyCFunction_NewEx(&function->method, &function->object, 0) : PyErr_NoMemory();
    Py_DecRef(&function->object); /* `made` has it, or it goes now */
    return made;
}
