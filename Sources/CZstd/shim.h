// zstd 1.5 as Debian ships it: the streaming and simple interfaces, and its error codes.
#include <zstd.h>
#include <zstd_errors.h>
