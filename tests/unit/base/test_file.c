// Reading and writing files.
#define _XOPEN_SOURCE 700
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/fault.h"
#include "support/folder.h"

static blok_test_folder folder;

static void setup(void) { blok_test_folder_make(&folder); }
static void teardown(void) { blok_test_folder_remove(&folder); }

static const char *at(const char *name) { return blok_test_path(&folder, name); }

static void expect(blok_status status, const blok_error *error, blok_status want,
                   const char *word) {
  ck_assert_msg(status == want, "status %d (%s), want %d", (int)status, error->message, (int)want);
  ck_assert_msg(strstr(error->message, word) != NULL, "'%s' is not in: %s", word, error->message);
}

// ---- Reading ------------------------------------------------------------------------------------

START_TEST(file__reads_ranges) {
  blok_file *file = NULL;
  char bytes[8];
  blok_test_write(at("f"), "0123456789", 10);
  ck_assert_int_eq(blok_file_open(at("f"), NULL, NULL, &file, NULL), BLOK_OK);
  ck_assert_uint_eq(blok_file_size(file), 10);
  ck_assert_int_eq(blok_file_read(file, 7, bytes, 3, NULL), BLOK_OK);
  ck_assert_mem_eq(bytes, "789", 3);
  ck_assert_int_eq(blok_file_read(file, 10, bytes, 0, NULL), BLOK_OK);
  blok_file_release(file);
}
END_TEST

START_TEST(file__refuses_a_range_outside) {
  blok_file *file = NULL;
  char bytes[8];
  blok_test_write(at("f"), "0123456789", 10);
  ck_assert_int_eq(blok_file_open(at("f"), NULL, NULL, &file, NULL), BLOK_OK);
  const uint64_t offsets[] = {8, 11, UINT64_MAX};
  for (size_t i = 0; i < 3; i++) {
    blok_error error = BLOK_ERROR_INIT;
    blok_status status = blok_file_read(file, offsets[i], bytes, 3, &error);
    expect(status, &error, BLOK_E_ARGUMENT, "outside the file of 10 bytes");
  }
  blok_file_release(file);
}
END_TEST

START_TEST(file__notices_that_it_was_cut_short) {
  blok_file *file = NULL;
  char bytes[10];
  blok_error error = BLOK_ERROR_INIT;
  blok_test_write(at("f"), "0123456789", 10);
  ck_assert_int_eq(blok_file_open(at("f"), NULL, NULL, &file, NULL), BLOK_OK);
  ck_assert_int_eq(truncate(at("f"), 4), 0);
  expect(blok_file_read(file, 0, bytes, 10, &error), &error, BLOK_E_IO, "was changed");
  blok_file_release(file);
}
END_TEST

START_TEST(file__notices_new_bytes_of_the_same_length) {
  blok_file *file = NULL;
  char bytes[3];
  blok_error error = BLOK_ERROR_INIT;
  blok_test_write(at("f"), "abc", 3);
  ck_assert_int_eq(blok_file_open(at("f"), NULL, NULL, &file, NULL), BLOK_OK);
  blok_test_write(at("f"), "xyz", 3);
  const struct timespec later[2] = {{4000000000, 0}, {4000000000, 0}};
  ck_assert_int_eq(utimensat(AT_FDCWD, at("f"), later, 0), 0);
  expect(blok_file_read(file, 0, bytes, 3, &error), &error, BLOK_E_IO, "was changed");
  blok_file_release(file);
}
END_TEST

START_TEST(file__keeps_its_bytes_when_another_takes_its_name) {
  blok_file *file = NULL;
  char bytes[3];
  blok_test_write(at("f"), "abc", 3);
  blok_test_write(at("g"), "xyz", 3);
  ck_assert_int_eq(blok_file_open(at("f"), NULL, NULL, &file, NULL), BLOK_OK);
  ck_assert_int_eq(rename(at("g"), at("f")), 0);
  ck_assert_int_eq(blok_file_read(file, 0, bytes, 3, NULL), BLOK_OK);
  ck_assert_mem_eq(bytes, "abc", 3);
  blok_file_release(file);
}
END_TEST

START_TEST(file__says_that_there_is_none) {
  blok_file *file = (blok_file *)&folder;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_file_open(at("absent.onnx"), NULL, NULL, &file, &error);
  expect(status, &error, BLOK_E_NOT_FOUND, "absent.onnx': no such file");
  ck_assert_ptr_null(file);
}
END_TEST

START_TEST(file__says_that_it_is_a_folder) {
  blok_file *file = NULL;
  bool regular;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_file_open(folder.path, NULL, &regular, &file, &error);
  expect(status, &error, BLOK_E_MALFORMED, "is a folder");
  ck_assert_ptr_null(file);
}
END_TEST

// It would be read for ever.
START_TEST(file__refuses_a_device) {
  blok_file *file = NULL;
  bool regular;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_file_open("/dev/zero", NULL, &regular, &file, &error);
  expect(status, &error, BLOK_E_MALFORMED, "is a device");
  ck_assert_ptr_null(file);
}
END_TEST

START_TEST(file__does_not_wait_for_a_pipe_that_it_cannot_use) {
  blok_file *file = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(mkfifo(at("pipe"), 0600), 0);
  blok_status status = blok_file_open(at("pipe"), NULL, NULL, &file, &error);
  expect(status, &error, BLOK_E_MALFORMED, "not a regular file");
}
END_TEST

START_TEST(file__reads_a_pipe_to_its_end) {
  enum { SIZE = 200000 };
  ck_assert_int_eq(mkfifo(at("pipe"), 0600), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    char *bytes = malloc(SIZE);
    if (bytes) {
      memset(bytes, 'x', SIZE);
      blok_test_write(at("pipe"), bytes, SIZE);
      free(bytes);
    }
    _exit(0);
  }
  bool regular = true;
  blok_file *file = NULL;
  void *bytes = NULL;
  size_t size = 0;
  ck_assert_int_eq(blok_file_open(at("pipe"), NULL, &regular, &file, NULL), BLOK_OK);
  ck_assert(!regular);
  ck_assert_int_eq(blok_file_read_stream(file, NULL, SIZE, &bytes, &size, NULL), BLOK_OK);
  ck_assert_uint_eq(size, SIZE);
  ck_assert_int_eq(((char *)bytes)[SIZE - 1], 'x');
  blok_free(blok_allocator_default(), bytes);
  blok_file_release(file);
}
END_TEST

START_TEST(file__stops_a_stream_at_its_limit) {
  ck_assert_int_eq(mkfifo(at("endless"), 0600), 0);
  pid_t child = fork();
  if (child == 0) {  // writes until nobody reads any more
    static const char zeroes[4096];
    int pipe = open(at("endless"), O_WRONLY);
    while (write(pipe, zeroes, sizeof zeroes) > 0) continue;
    _exit(0);
  }
  bool regular;
  blok_file *file = NULL;
  void *bytes = NULL;
  size_t size = 0;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_file_open(at("endless"), NULL, &regular, &file, NULL), BLOK_OK);
  blok_status status = blok_file_read_stream(file, NULL, 100000, &bytes, &size, &error);
  expect(status, &error, BLOK_E_LIMIT, "limit of 100000 bytes");
  ck_assert_ptr_null(bytes);
  blok_file_release(file);
}
END_TEST

START_TEST(file__shows_the_end_of_a_long_path) {
  char path[3000];
  blok_file *file = NULL;
  blok_error error = BLOK_ERROR_INIT;
  memset(path, 'd', sizeof path);
  for (size_t i = 0; i < sizeof path; i += 50) path[i] = '/';
  memcpy(path + sizeof path - 12, "/model.onnx", 12);
  expect(blok_file_open(path, NULL, NULL, &file, &error), &error, BLOK_E_NOT_FOUND, "/model.onnx'");
  ck_assert_ptr_nonnull(strstr(error.message, "'..."));
}
END_TEST

static blok_status open_and_read(void *context, const blok_allocator *allocator,
                                 blok_error *error) {
  blok_file *file = NULL;
  void *bytes = NULL;
  size_t size;
  blok_status status = blok_file_open(context, allocator, NULL, &file, error);
  ck_assert((status == BLOK_OK) == (file != NULL));
  if (status != BLOK_OK) return status;
  status = blok_file_read_stream(file, allocator, 1 << 20, &bytes, &size, error);
  ck_assert((status == BLOK_OK) == (bytes != NULL));
  blok_free(allocator, bytes);
  blok_file_release(file);
  return status;
}

START_TEST(file__leaks_nothing_when_any_allocation_fails) {
  char path[512];
  static char bytes[200000];
  strcpy(path, at("f"));
  blok_test_write(path, bytes, sizeof bytes);
  ck_assert_uint_ge(blok_fault_sweep(open_and_read, path), 5);
}
END_TEST

START_TEST(path__splits_into_folder_and_name) {
  blok_arena arena;
  blok_arena_init(&arena, blok_allocator_default());
  ck_assert_str_eq(blok_path_folder(&arena, "a/b/c.onnx"), "a/b");
  ck_assert_str_eq(blok_path_folder(&arena, "/c.onnx"), "/");
  ck_assert_str_eq(blok_path_folder(&arena, "c.onnx"), ".");
  ck_assert_str_eq(blok_path_name("a/b/c.onnx"), "c.onnx");
  ck_assert_str_eq(blok_path_name("c.onnx"), "c.onnx");
  blok_arena_free(&arena);
}
END_TEST

// ---- External data ------------------------------------------------------------------------------

static void refused(const char *location, const char *root, blok_status want, const char *word) {
  blok_file *file = (blok_file *)&folder;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_file_open_inside(at("model"), location, root, NULL, &file, &error);
  expect(status, &error, want, word);
  ck_assert_ptr_null(file);
}

static void taken(const char *location, const char *root) {
  blok_file *file = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_file_open_inside(at("model"), location, root, NULL, &file, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  char bytes[4];
  ck_assert_int_eq(blok_file_read(file, 0, bytes, 4, NULL), BLOK_OK);
  ck_assert_mem_eq(bytes, "data", 4);
  blok_file_release(file);
}

// model/w, model/sub/w, and blobs/w beside the model's folder.
static void setup_inside(void) {
  setup();
  ck_assert_int_eq(mkdir(at("model"), 0700), 0);
  ck_assert_int_eq(mkdir(at("model/sub"), 0700), 0);
  ck_assert_int_eq(mkdir(at("blobs"), 0700), 0);
  blok_test_write(at("model/w"), "data", 4);
  blok_test_write(at("model/sub/w"), "data", 4);
  blok_test_write(at("blobs/w"), "data", 4);
}

START_TEST(inside__opens_what_lies_in_the_folder_or_below) {
  taken("w", NULL);
  taken("sub/w", NULL);
  taken("./sub//./w", NULL);
}
END_TEST

START_TEST(inside__refuses_to_leave_by_name) {
  refused("../blobs/w", NULL, BLOK_E_MALFORMED, "..");
  refused("sub/../../blobs/w", NULL, BLOK_E_MALFORMED, "..");
  refused("sub/..", NULL, BLOK_E_MALFORMED, "..");
  refused("../blobs/w", at("blobs"), BLOK_E_MALFORMED, "..");
  refused(at("model/w"), NULL, BLOK_E_MALFORMED, "absolute path");
  refused("..\\blobs\\w", NULL, BLOK_E_MALFORMED, "backslash");
  refused("", NULL, BLOK_E_MALFORMED, "empty");
}
END_TEST

START_TEST(inside__refuses_a_symbolic_link_and_names_the_remedy) {
  ck_assert_int_eq(symlink("../blobs/w", at("model/link")), 0);
  ck_assert_int_eq(symlink("w", at("model/near")), 0);
  ck_assert_int_eq(symlink("../blobs", at("model/way")), 0);
  refused("link", NULL, BLOK_E_MALFORMED, "--external-root DIR");
  refused("near", NULL, BLOK_E_MALFORMED, "symbolic link");
  refused("way/w", NULL, BLOK_E_MALFORMED, "symbolic link");
}
END_TEST

START_TEST(inside__follows_links_that_stay_inside_a_named_root) {
  ck_assert_int_eq(symlink("../blobs/w", at("model/link")), 0);
  ck_assert_int_eq(symlink("../blobs", at("model/way")), 0);
  taken("link", at("blobs"));
  taken("way/w", at("blobs"));
  taken("link", folder.path);
  taken("link", "/");
  taken("w", at("blobs"));  // the model's own folder is always allowed
}
END_TEST

START_TEST(inside__refuses_links_out_of_a_named_root) {
  ck_assert_int_eq(mkdir(at("blobs2"), 0700), 0);  // the same beginning is not the same folder
  blok_test_write(at("blobs2/w"), "data", 4);
  ck_assert_int_eq(symlink("../blobs2/w", at("model/link")), 0);
  ck_assert_int_eq(symlink("/etc/passwd", at("model/far")), 0);
  refused("link", at("blobs"), BLOK_E_MALFORMED, "leads out of the external root");
  refused("far", at("blobs"), BLOK_E_MALFORMED, "leads out of the external root");
  refused("w", at("absent"), BLOK_E_NOT_FOUND, "external root");
}
END_TEST

START_TEST(inside__refuses_a_hard_link_without_a_root) {
  ck_assert_int_eq(link(at("blobs/w"), at("model/hard")), 0);
  refused("hard", NULL, BLOK_E_MALFORMED, "hard link");
  taken("hard", at("model"));
}
END_TEST

START_TEST(inside__refuses_what_is_no_regular_file) {
  ck_assert_int_eq(mkfifo(at("model/pipe"), 0600), 0);
  refused("pipe", NULL, BLOK_E_MALFORMED, "not a regular file");
  refused("pipe", at("blobs"), BLOK_E_MALFORMED, "not a regular file");
  refused("sub", NULL, BLOK_E_MALFORMED, "is a folder");
  refused(".", NULL, BLOK_E_MALFORMED, "is a folder");
}
END_TEST

START_TEST(inside__says_which_file_is_missing) {
  refused("absent.data", NULL, BLOK_E_NOT_FOUND, "'absent.data'");
  refused("absent.data", NULL, BLOK_E_NOT_FOUND, "/model'");
  refused("absent/w", NULL, BLOK_E_NOT_FOUND, "no such file");
  refused("w/x", NULL, BLOK_E_NOT_FOUND, "no such file");
  refused("absent.data", at("blobs"), BLOK_E_NOT_FOUND, "no such file");
}
END_TEST

START_TEST(inside__escapes_the_location_in_messages) {
  refused("a\nb\x1b", NULL, BLOK_E_NOT_FOUND, "'a\\x0ab\\x1b'");
}
END_TEST

START_TEST(inside__refuses_a_component_that_is_too_long) {
  char location[2000];
  memset(location, 'x', sizeof location);
  location[sizeof location - 1] = '\0';
  refused(location, NULL, BLOK_E_IO, "too long");
}
END_TEST

static blok_status open_inside(void *context, const blok_allocator *allocator, blok_error *error) {
  blok_file *file = NULL;
  blok_status status = blok_file_open_inside(at("model"), "w", context, allocator, &file, error);
  ck_assert((status == BLOK_OK) == (file != NULL));
  blok_file_release(file);
  return status;
}

START_TEST(inside__leaks_nothing_when_any_allocation_fails) {
  char root[512];
  strcpy(root, at("blobs"));
  ck_assert_uint_ge(blok_fault_sweep(open_inside, NULL), 3);
  ck_assert_uint_ge(blok_fault_sweep(open_inside, root), 5);
}
END_TEST

// ---- Writing ------------------------------------------------------------------------------------

static void expect_bytes(const char *path, const char *want) {
  size_t size = 0;
  char *bytes = blok_test_read(path, &size);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(size, strlen(want));
  ck_assert_str_eq(bytes, want);
  free(bytes);
}

START_TEST(sink__shows_nothing_under_the_path_before_commit) {
  blok_sink *sink = NULL;
  blok_test_write(at("out"), "old", 3);
  ck_assert_int_eq(blok_sink_open(at("out"), NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_write(sink, "new bytes", 9, NULL), BLOK_OK);
  ck_assert_uint_eq(blok_sink_written(sink), 9);
  expect_bytes(at("out"), "old");
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  ck_assert_ptr_null(sink);
  expect_bytes(at("out"), "new bytes");
  ck_assert_uint_eq(blok_test_count(&folder), 1);
}
END_TEST

START_TEST(sink__leaves_the_old_file_when_abandoned) {
  blok_sink *sink = NULL;
  blok_test_write(at("out"), "old", 3);
  ck_assert_int_eq(blok_sink_open(at("out"), NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_write(sink, "new", 3, NULL), BLOK_OK);
  blok_sink_abandon(&sink);
  ck_assert_ptr_null(sink);
  blok_sink_abandon(&sink);
  expect_bytes(at("out"), "old");
  ck_assert_uint_eq(blok_test_count(&folder), 1);
}
END_TEST

START_TEST(sink__keeps_the_order_of_small_and_large_writes) {
  enum { COUNT = 300 };
  static char bytes[70000];
  blok_sink *sink = NULL;
  uint64_t total = 0;
  ck_assert_int_eq(blok_sink_open(at("out"), NULL, &sink, NULL), BLOK_OK);
  for (int i = 0; i < COUNT; i++) {
    size_t size = (size_t)i * 7919 % sizeof bytes;
    memset(bytes, i, size);
    ck_assert_int_eq(blok_sink_write(sink, bytes, size, NULL), BLOK_OK);
    total += size;
  }
  ck_assert_uint_eq(blok_sink_written(sink), total);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  size_t size = 0;
  char *got = blok_test_read(at("out"), &size);
  ck_assert_uint_eq(size, total);
  size_t offset = 0;
  for (int i = 0; i < COUNT; i++) {
    size_t part = (size_t)i * 7919 % sizeof bytes;
    for (size_t k = 0; k < part; k++) {
      if (got[offset + k] != (char)i) ck_abort_msg("byte %zu of write %d differs", k, i);
    }
    offset += part;
  }
  free(got);
}
END_TEST

START_TEST(sink__gives_new_files_the_usual_mode_and_old_ones_their_own) {
  struct stat status;
  blok_sink *sink = NULL;
  mode_t mask = umask(022);
  ck_assert_int_eq(blok_sink_open(at("new"), NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  umask(mask);
  ck_assert_int_eq(stat(at("new"), &status), 0);
  ck_assert_uint_eq(status.st_mode & 0777, 0644);
  blok_test_write(at("old"), "x", 1);
  ck_assert_int_eq(chmod(at("old"), 0600), 0);
  ck_assert_int_eq(blok_sink_open(at("old"), NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  ck_assert_int_eq(stat(at("old"), &status), 0);
  ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(sink__writes_through_a_symbolic_link) {
  struct stat status;
  blok_sink *sink = NULL;
  blok_test_write(at("target"), "old", 3);
  ck_assert_int_eq(symlink("target", at("link")), 0);
  ck_assert_int_eq(blok_sink_open(at("link"), NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_write(sink, "new", 3, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  ck_assert_int_eq(lstat(at("link"), &status), 0);
  ck_assert(S_ISLNK(status.st_mode));
  expect_bytes(at("target"), "new");
}
END_TEST

START_TEST(sink__does_not_replace_a_device) {
  struct stat status;
  blok_sink *sink = NULL;
  ck_assert_int_eq(blok_sink_open("/dev/null", NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_write(sink, "x", 1, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_OK);
  ck_assert_int_eq(stat("/dev/null", &status), 0);
  ck_assert(S_ISCHR(status.st_mode));
}
END_TEST

START_TEST(sink__says_that_the_disk_is_full) {
  blok_sink *sink = NULL;
  blok_error error = BLOK_ERROR_INIT;
  static const char bytes[100000];
  ck_assert_int_eq(blok_sink_open("/dev/full", NULL, &sink, NULL), BLOK_OK);
  expect(blok_sink_write(sink, bytes, sizeof bytes, &error), &error, BLOK_E_IO, "disk full");
  ck_assert_ptr_nonnull(strstr(error.message, "/dev/full"));
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_E_IO);
  ck_assert_ptr_null(sink);
  // What was only buffered shows at commit.
  blok_error late = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_sink_open("/dev/full", NULL, &sink, NULL), BLOK_OK);
  ck_assert_int_eq(blok_sink_write(sink, bytes, 10, NULL), BLOK_OK);
  expect(blok_sink_commit(&sink, &late), &late, BLOK_E_IO, "disk full");
}
END_TEST

START_TEST(sink__leaves_nothing_behind_when_writing_fails) {
  static const char bytes[300000];
  blok_sink *sink = NULL;
  blok_error error = BLOK_ERROR_INIT;
  struct rlimit limit;
  blok_test_write(at("out"), "old", 3);
  ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  struct rlimit small = {100000, limit.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
  ck_assert_int_eq(blok_sink_open(at("out"), NULL, &sink, NULL), BLOK_OK);
  blok_status status = blok_sink_write(sink, bytes, sizeof bytes, &error);
  ck_assert_int_eq(blok_sink_commit(&sink, NULL), BLOK_E_IO);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  expect(status, &error, BLOK_E_IO, "/out': ");
  ck_assert_uint_eq(blok_test_count(&folder), 1);
  expect_bytes(at("out"), "old");
}
END_TEST

START_TEST(sink__says_where_it_cannot_write) {
  blok_sink *sink = (blok_sink *)&folder;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_sink_open(at("absent/out"), NULL, &sink, &error);
  expect(status, &error, BLOK_E_IO, "absent/out': No such file");
  ck_assert_ptr_null(sink);
  blok_error second = BLOK_ERROR_INIT;
  expect(blok_sink_open(folder.path, NULL, &sink, &second), &second, BLOK_E_IO, "is a folder");
}
END_TEST

static blok_status write_file(void *context, const blok_allocator *allocator, blok_error *error) {
  blok_sink *sink = NULL;
  blok_status status = blok_sink_open(context, allocator, &sink, error);
  ck_assert((status == BLOK_OK) == (sink != NULL));
  if (status == BLOK_OK) status = blok_sink_write(sink, "x", 1, error);
  if (status == BLOK_OK) status = blok_sink_commit(&sink, error);
  blok_sink_abandon(&sink);
  return status;
}

START_TEST(sink__leaks_nothing_when_any_allocation_fails) {
  char path[512];
  strcpy(path, at("out"));
  ck_assert_uint_eq(blok_fault_sweep(write_file, path), 3);
  ck_assert_uint_eq(blok_test_count(&folder), 1);
}
END_TEST

START_TEST(file__exists_until_it_is_removed) {
  blok_test_write(at("f"), "x", 1);
  ck_assert(blok_file_exists(at("f")));
  blok_file_remove(at("f"));
  ck_assert(!blok_file_exists(at("f")));
  blok_file_remove(at("f"));
}
END_TEST

Suite *suite_file(void) {
  Suite *suite = suite_create("file");
  TCase *reading = tcase_create("reading");
  tcase_add_checked_fixture(reading, setup, teardown);
  tcase_add_test(reading, file__reads_ranges);
  tcase_add_test(reading, file__refuses_a_range_outside);
  tcase_add_test(reading, file__notices_that_it_was_cut_short);
  tcase_add_test(reading, file__notices_new_bytes_of_the_same_length);
  tcase_add_test(reading, file__keeps_its_bytes_when_another_takes_its_name);
  tcase_add_test(reading, file__says_that_there_is_none);
  tcase_add_test(reading, file__says_that_it_is_a_folder);
  tcase_add_test(reading, file__refuses_a_device);
  tcase_add_test(reading, file__does_not_wait_for_a_pipe_that_it_cannot_use);
  tcase_add_test(reading, file__reads_a_pipe_to_its_end);
  tcase_add_test(reading, file__stops_a_stream_at_its_limit);
  tcase_add_test(reading, file__shows_the_end_of_a_long_path);
  tcase_add_test(reading, file__leaks_nothing_when_any_allocation_fails);
  tcase_add_test(reading, file__exists_until_it_is_removed);
  tcase_add_test(reading, path__splits_into_folder_and_name);
  suite_add_tcase(suite, reading);
  TCase *inside = tcase_create("inside");
  tcase_add_checked_fixture(inside, setup_inside, teardown);
  tcase_add_test(inside, inside__opens_what_lies_in_the_folder_or_below);
  tcase_add_test(inside, inside__refuses_to_leave_by_name);
  tcase_add_test(inside, inside__refuses_a_symbolic_link_and_names_the_remedy);
  tcase_add_test(inside, inside__follows_links_that_stay_inside_a_named_root);
  tcase_add_test(inside, inside__refuses_links_out_of_a_named_root);
  tcase_add_test(inside, inside__refuses_a_hard_link_without_a_root);
  tcase_add_test(inside, inside__refuses_what_is_no_regular_file);
  tcase_add_test(inside, inside__says_which_file_is_missing);
  tcase_add_test(inside, inside__escapes_the_location_in_messages);
  tcase_add_test(inside, inside__refuses_a_component_that_is_too_long);
  tcase_add_test(inside, inside__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, inside);
  TCase *writing = tcase_create("writing");
  tcase_add_checked_fixture(writing, setup, teardown);
  tcase_add_test(writing, sink__shows_nothing_under_the_path_before_commit);
  tcase_add_test(writing, sink__leaves_the_old_file_when_abandoned);
  tcase_add_test(writing, sink__keeps_the_order_of_small_and_large_writes);
  tcase_add_test(writing, sink__gives_new_files_the_usual_mode_and_old_ones_their_own);
  tcase_add_test(writing, sink__writes_through_a_symbolic_link);
  tcase_add_test(writing, sink__does_not_replace_a_device);
  tcase_add_test(writing, sink__says_that_the_disk_is_full);
  tcase_add_test(writing, sink__leaves_nothing_behind_when_writing_fails);
  tcase_add_test(writing, sink__says_where_it_cannot_write);
  tcase_add_test(writing, sink__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, writing);
  return suite;
}
