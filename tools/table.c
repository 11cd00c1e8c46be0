// Tables of text.
#include "tools/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/text.h"

void blok_table_begin(blok_table *table, const char *align, const char *const *heads) {
  memset(table, 0, sizeof *table);
  table->heads = heads;
  table->align = align;
  table->columns = strlen(align);
}

void blok_table_cell(blok_table *table, const char *format, ...) {
  char *text = NULL;
  size_t size = 0;
  va_list arguments;
  va_start(arguments, format);
  char *raw = blok_textv(format, arguments);
  va_end(arguments);
  FILE *stream = blok_text_begin(&text, &size);
  blok_show_to(stream, raw);
  free(raw);
  table->cells = blok_cli_grow(table->cells, table->count, &table->capacity, sizeof *table->cells);
  table->cells[table->count++] = blok_text_end(stream, &text);
}

size_t blok_table_width(const char *text) {
  size_t width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

void blok_table_title(blok_table *table) {
  const size_t row = table->count / table->columns;
  if (row >= table->title_capacity) {
    const size_t capacity = 2 * row + 64;
    bool *titles = blok_cli_alloc(capacity, sizeof *titles);
    if (table->titles != NULL) memcpy(titles, table->titles, table->title_capacity);
    free(table->titles);
    table->titles = titles;
    table->title_capacity = capacity;
  }
  table->titles[row] = true;
}

static bool is_title(const blok_table *table, size_t row) {
  return row < table->title_capacity && table->titles[row];
}

// The widths of the columns, freed by the caller; 0: the column is empty in every row.
static size_t *column_widths(const blok_table *table) {
  size_t *widths = blok_cli_alloc(table->columns, sizeof *widths);
  for (size_t i = 0; i < table->count; i++) {
    const size_t column = i % table->columns;
    if (column == 0 && is_title(table, i / table->columns)) continue;
    const size_t width = blok_table_width(table->cells[i]);
    if (width > widths[column]) widths[column] = width;
  }
  for (size_t i = 0; i < table->columns; i++) {
    const size_t width = blok_table_width(table->heads[i]);
    if (widths[i] > 0 && width > widths[i]) widths[i] = width;
  }
  return widths;
}

size_t blok_table_total(const blok_table *table) {
  size_t *widths = column_widths(table);
  size_t total = 0;
  for (size_t i = 0; i < table->columns; i++) total += widths[i] > 0 ? widths[i] + 2 : 0;
  free(widths);
  return total < 2 ? 0 : total - 2;
}

void blok_table_drop(blok_table *table) {
  for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
  free(table->cells);
  free(table->titles);
  memset(table, 0, sizeof *table);
}

// Prints a row, its first cell as a title or not. at counts the columns behind the indent.
static void print_row(const blok_table *table, const blok_cli *cli, int indent,
                      const size_t *widths, const char *const *cells, bool title) {
  size_t at = 0;     // where the line ends so far
  size_t start = 0;  // where the column starts
  fprintf(cli->out, "%*s", title ? (indent > 2 ? indent - 2 : 0) : indent, "");
  if (title && cells[0][0] != '\0') {
    fprintf(cli->out, cli->color ? "\033[1m%s\033[0m" : "%s", cells[0]);
    const size_t width = blok_table_width(cells[0]);
    at = width > 2 ? width - 2 : 0;
  }
  for (size_t i = 0; i < table->columns; i++) {
    if (widths[i] == 0) continue;
    if (cells[i][0] != '\0' && !(title && i == 0)) {
      const size_t width = blok_table_width(cells[i]);
      const size_t from = start + (table->align[i] == 'r' ? widths[i] - width : 0);
      const size_t gap = at == 0 ? from : from > at + 2 ? from - at : 2;
      fprintf(cli->out, "%*s%s", (int)gap, "", cells[i]);
      at += gap + width;
    }
    start += widths[i] + 2;
  }
}

void blok_table_end(blok_table *table, const blok_cli *cli, int indent) {
  size_t *widths = column_widths(table);
  if (table->count > 0) {
    if (cli->color) fputs("\033[1m", cli->out);
    print_row(table, cli, indent, widths, table->heads, false);
    fputs(cli->color ? "\033[0m\n" : "\n", cli->out);
  }
  for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
    print_row(table, cli, indent, widths, (const char *const *)(table->cells + i),
              is_title(table, i / table->columns));
    fputc('\n', cli->out);
  }
  free(widths);
  blok_table_drop(table);
}
