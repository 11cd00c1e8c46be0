// Names that are near another: see near.h.
#include "base/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LONGEST 63
#define MOST    3
#define FAR     UINT32_MAX

// Letters to insert, remove or replace to make b of a, and 1; 1 where one holds the other whole;
// FAR for what is far away.
static uint32_t letters(const char *a, const char *b) {
  uint32_t row[LONGEST + 1];
  const size_t n = strlen(a), m = strlen(b);
  if (n > LONGEST || m > LONGEST) return strcmp(a, b) == 0 ? 0 : FAR;
  for (uint32_t j = 0; j <= m; j++) row[j] = j;
  for (uint32_t i = 1; i <= n; i++) {
    uint32_t before = row[0];
    row[0] = i;
    for (uint32_t j = 1; j <= m; j++) {
      const uint32_t replaced = before + (a[i - 1] != b[j - 1]);
      before = row[j];
      uint32_t best = replaced;
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  const size_t longer = n > m ? n : m;
  const bool inside = n > 2 && m > 2 && (strstr(a, b) || strstr(b, a));
  if (inside) return 1;
  return row[m] <= longer / 3 + 1 ? row[m] + 1 : FAR;
}

// Of names as many letters away, the one that begins like it for longer is nearer.
static uint32_t distance(const char *a, const char *b) {
  const uint32_t away = letters(a, b);
  uint32_t alike = 0;
  while (alike < LONGEST && a[alike] && a[alike] == b[alike]) alike++;
  return away == FAR ? FAR : (away + 1) * (LONGEST + 1) - alike;
}

blok_near_names blok_names_near(const char *name, const char *const *names, uint32_t n) {
  const char *best[MOST] = {NULL};
  uint32_t far[MOST], found = 0;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t away = distance(name, names[i]);
    if (away == FAR) continue;
    uint32_t at = found;
    while (at && far[at - 1] > away) at--;
    if (at == MOST) continue;
    if (found < MOST) found++;
    for (uint32_t j = found - 1; j > at; j--) {
      best[j] = best[j - 1];
      far[j] = far[j - 1];
    }
    best[at] = names[i];
    far[at] = away;
  }
  const bool few = found == 0 && n <= MOST;
  for (uint32_t i = 0; few && i < n; i++) best[found++] = names[i];
  const char *words = !few ? "; near it: " : n == 1 ? "; there is " : "; there are ";
  blok_near_names near = {""};
  size_t used = 0;
  for (uint32_t i = 0; i < found; i++) {
    const blok_quoted quoted = blok_quote(best[i]);
    const int wrote = snprintf(near.text + used, sizeof near.text - used, "%s'%.90s'",
                               i == 0 ? words : ", ", quoted.text);
    if (wrote > 0) used += (size_t)wrote;
  }
  return near;
}
