// The terminal that the answer goes to.
#define _DEFAULT_SOURCE
#include "tools/terminal.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define USUAL_COLUMNS 120  // of a terminal that does not say

size_t blok_terminal_columns(void) {
  struct winsize size = {0, 0, 0, 0};
  if (!isatty(STDOUT_FILENO)) return 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return USUAL_COLUMNS;
  return size.ws_col;
}

bool blok_terminal_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = getenv(names[i]);
    if (value == NULL || value[0] == '\0') continue;
    for (; *value != '\0'; value++) {
      if (strncasecmp(value, "utf-8", 5) == 0 || strncasecmp(value, "utf8", 4) == 0) return true;
    }
    return false;
  }
  return false;
}
