// The terminal that the answer goes to, if it goes to one.
#ifndef BLOK_TOOLS_TERMINAL_H
#define BLOK_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

// Columns of the terminal on standard output; 0: it is none, and lines may be of any length.
size_t blok_terminal_columns(void);

// Whether the locale's text is UTF-8, as LC_ALL, LC_CTYPE or LANG say: so that lines and corners
// can be drawn with their own characters.
bool blok_terminal_utf8(void);

#endif  // BLOK_TOOLS_TERMINAL_H
