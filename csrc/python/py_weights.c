/* py_weights.c - _core.unpack_weights(): weights from their packed form, without the GIL. */
#include "python/py_weights.h"

#include "alert_weights.h"
#include "python/py_convert.h"

const char alert_py_unpack_weights_doc[] =
    "unpack_weights(packed, weights, filters, columns, width, filters_per_basis,\n"
    "               rows_per_basis, coefficient_bits, basis_bits, is_sparse, first,\n"
    "               count)\n"
    "--\n\n"
    "Unpack weights that are a small basis times powers of two.\n\n"
    "Parameters\n"
    "----------\n"
    "packed : bytes-like\n"
    "weights : bytes-like\n"
    "    What is written: 4 writable bytes for each weight of the filters wanted.\n"
    "filters, columns, width, filters_per_basis, rows_per_basis : int\n"
    "coefficient_bits, basis_bits : int\n"
    "is_sparse : bool\n"
    "first, count : int\n"
    "    As in csrc/alert_weights.h: so many filters are wanted, from the first on.\n\n"
    "Raises\n"
    "------\n"
    "ValueError\n"
    "    The bytes do not fit these numbers.";

/* Views of both: they can neither be freed nor resized while the GIL is released. */
typedef struct views {
    Py_buffer packed, weights;
} views;

static void release(views *v)
{
    PyBuffer_Release(&v->packed);
    PyBuffer_Release(&v->weights);
}

static int check_room(const views *v, size_t count, size_t columns)
{
    size_t room = (size_t)v->weights.len / sizeof(float);
    bool is_aligned = (uintptr_t)v->weights.buf % sizeof(float) == 0;
    bool fits = count && room / count == columns &&
                count * columns * sizeof(float) == (size_t)v->weights.len;
    if (is_aligned && fits)
        return 0;
    PyErr_Format(PyExc_ValueError,
                 "weights: expected %zu x %zu aligned float32 numbers, got %zd bytes", count,
                 columns, v->weights.len);
    return -1;
}

static int unpack(const views *v, alert_packed_weights *packed, size_t first, size_t count)
{
    alert_argument_error error;
    int rc;
    if (check_room(v, count, packed->columns) < 0)
        return -1;
    packed->bytes = v->packed.buf;
    packed->size = (size_t)v->packed.len;
    Py_BEGIN_ALLOW_THREADS
    rc = alert_unpack_weights(packed, first, count, v->weights.buf, &error);
    Py_END_ALLOW_THREADS
    return rc ? alert_py_raise(rc, &error) : 0;
}

PyObject *alert_py_unpack_weights(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"packed",     "weights",           "filters",        "columns",
                            "width",      "filters_per_basis", "rows_per_basis", "coefficient_bits",
                            "basis_bits", "is_sparse",         "first",          "count",
                            NULL};
    enum { COUNTS = 9, FLAG = 7 }; /* the flag stands before the last two */
    (void)module;
    views v = {0};
    PyObject *given[COUNTS];
    size_t count[COUNTS];
    int is_sparse;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*w*OOOOOOOpOO:unpack_weights", names,
                                     &v.packed, &v.weights, &given[0], &given[1], &given[2],
                                     &given[3], &given[4], &given[5], &given[6], &is_sparse,
                                     &given[7], &given[8]))
        return NULL;
    int rc = 0;
    for (int i = 0; i < COUNTS && rc == 0; i++)
        rc = alert_py_size(given[i], names[i + 2 + (i >= FLAG)], "a whole number", &count[i]);
    if (rc == 0) {
        unsigned coefficient_bits = count[5] > UCHAR_MAX ? UCHAR_MAX : (unsigned)count[5];
        unsigned basis_bits = count[6] > UCHAR_MAX ? UCHAR_MAX : (unsigned)count[6];
        rc = unpack(&v,
                    &(alert_packed_weights){count[0], count[1], count[2], count[3], count[4],
                                            coefficient_bits, basis_bits, is_sparse, NULL, 0},
                    count[7], count[8]);
    }
    release(&v);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}
