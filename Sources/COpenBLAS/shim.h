// OpenBLAS 0.3 as Debian ships it: the C interface of BLAS, and what it says of itself.
#include <cblas.h>
