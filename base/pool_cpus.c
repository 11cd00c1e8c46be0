// How many processors this process may use. See pool.h.
//
// A control group (cgroup) can be given a quota of processor time: so many microseconds in each
// period. Containers are limited in this way: all processors are to be seen, but their time is not
// to be had. Version 2 keeps both numbers in cpu.max, version 1 in two files; a limit of any group
// above holds too. Where the groups' folders are is told by mountinfo, which group of a mount this
// process is in by /proc/self/cgroup.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"

#ifdef __linux__
#include <sched.h>
#endif

#define PATH_BYTES 4096

// A file is read line by line; of a line that is too long the rest is dropped.
static bool next_line(FILE *file, char *line, size_t size) {
  if (!fgets(line, (int)size, file)) return false;
  size_t length = strlen(line);
  if (length && line[length - 1] == '\n') {
    line[length - 1] = '\0';
    return true;
  }
  int byte;
  do {
    byte = fgetc(file);
  } while (byte != EOF && byte != '\n');
  return true;
}

static FILE *open_text(const char *root, const char *path) {
  char whole[PATH_BYTES + 256];
  int length = snprintf(whole, sizeof whole, "%s%s", root, path);
  if (length < 0 || (size_t)length >= sizeof whole) return NULL;
  return fopen(whole, "re");
}

// Whether word is one of the words of a list that commas part.
static bool has_word(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = list; at; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

// The path of this process in the hierarchy of version 2, or of version 1's controller cpu.
static bool find_group(const char *root, bool second, char *group, size_t size) {
  FILE *file = open_text(root, "/proc/self/cgroup");
  if (!file) return false;
  char line[PATH_BYTES];
  bool found = false;
  while (!found && next_line(file, line, sizeof line)) {  // number:controllers:path
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = '\0';
    controllers++;
    if (second ? controllers[0] != '\0' : !has_word(controllers, "cpu")) continue;
    found = strlen(path) < size;
    if (found) memcpy(group, path, strlen(path) + 1);
  }
  (void)fclose(file);
  return found;
}

// Where the hierarchy is mounted: top is the group that is seen at place.
static bool find_mount(const char *root, bool second, char *top, char *place) {
  FILE *file = open_text(root, "/proc/self/mountinfo");
  if (!file) return false;
  char line[PATH_BYTES];
  bool found = false;
  while (!found && next_line(file, line, sizeof line)) {
    char type[32] = "", options[256] = "";
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %255s %255s", top, place) != 2) continue;
    if (sscanf(rest + 3, "%31s %*s %255s", type, options) < 1) continue;
    found = second ? strcmp(type, "cgroup2") == 0
                   : strcmp(type, "cgroup") == 0 && has_word(options, "cpu");
  }
  (void)fclose(file);
  return found;
}

// The first line of folder/name.
static bool read_line(const char *root, const char *folder, const char *name, char *line,
                      size_t size) {
  char path[PATH_BYTES + 64];
  int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (length < 0 || (size_t)length >= sizeof path) return false;
  FILE *file = open_text(root, path);
  if (!file) return false;
  bool read = next_line(file, line, size);
  (void)fclose(file);
  return read;
}

// Quota by period of one group, rounded up; 0: no limit.
static uint32_t group_limit(const char *root, bool second, const char *folder) {
  char line[64], period_line[64];
  char *end = line;
  if (!read_line(root, folder, second ? "cpu.max" : "cpu.cfs_quota_us", line, sizeof line)) {
    return 0;
  }
  long long quota = strtoll(line, &end, 10);  // "max" and -1: none
  if (end == line || quota <= 0) return 0;
  if (!second) {
    end = period_line;
    if (!read_line(root, folder, "cpu.cfs_period_us", period_line, sizeof period_line)) return 0;
  }
  long long period = strtoll(end, NULL, 10);
  if (period <= 0) return 0;
  long long cpus = quota / period + (quota % period != 0);
  return cpus < UINT32_MAX ? (uint32_t)cpus : 0;
}

static uint32_t least(uint32_t a, uint32_t b) {  // where 0 is no limit
  if (a == 0 || b == 0) return a + b;
  return a < b ? a : b;
}

static uint32_t hierarchy_limit(const char *root, bool second) {
  char group[PATH_BYTES / 2], top[256], place[256];
  if (!find_group(root, second, group, sizeof group)) return 0;
  if (!find_mount(root, second, top, place)) return 0;
  const char *below = group;
  size_t length = strlen(top);
  // A container may see its own group as the mount's top, or be told of no more than "/".
  if (strncmp(group, top, length) == 0 && (group[length] == '/' || group[length] == '\0')) {
    below = group + length;
  } else if (strcmp(top, "/") != 0) {
    below = "";
  }
  char folder[PATH_BYTES];
  (void)snprintf(folder, sizeof folder, "%s%s", place, below);
  size_t least_length = strlen(place);
  uint32_t limit = 0;
  for (;;) {
    limit = least(limit, group_limit(root, second, folder));
    char *slash = strrchr(folder, '/');
    if (!slash || (size_t)(slash - folder) < least_length) return limit;
    *slash = '\0';
  }
}

uint32_t blok_cpu_quota(const char *root) {
  return least(hierarchy_limit(root, true), hierarchy_limit(root, false));
}

static uint32_t affinity(void) {
#ifdef __linux__
  unsigned long mask[8192 / sizeof(unsigned long)];  // of 65,536 processors
  memset(mask, 0, sizeof mask);
  if (sched_getaffinity(0, sizeof mask, (cpu_set_t *)mask) == 0) {
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof mask / sizeof mask[0]; i++) {
      count += (uint32_t)__builtin_popcountl(mask[i]);
    }
    if (count) return count;
  }
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (uint32_t)count : 1;
}

uint32_t blok_cpu_count(void) { return least(affinity(), blok_cpu_quota("")); }
