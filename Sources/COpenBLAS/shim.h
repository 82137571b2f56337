// OpenBLAS 0.3 as Debian ships it: the C interface of BLAS, what it says of itself, and two routines of LAPACK, for which
// Debian's headers have no declarations. Matrices lie column by column; a letter's length stands at the end.
#include <cblas.h>
#include <stddef.h>
void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *lwork,
             int *info);
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
             const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info,
             size_t jobz_length);
