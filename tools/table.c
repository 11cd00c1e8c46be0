// Tables of text.
#define _POSIX_C_SOURCE 200809L
#include "tools/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void blok_table_begin(blok_table *table, const char *align, const char *const *heads) {
  memset(table, 0, sizeof *table);
  table->heads = heads;
  table->align = align;
  table->columns = strlen(align);
}

void blok_table_cell(blok_table *table, const char *format, ...) {
  char *raw = NULL;
  size_t raw_size = 0;
  char *text = NULL;
  size_t size = 0;
  va_list arguments;
  va_start(arguments, format);
  FILE *stream = open_memstream(&raw, &raw_size);
  if (stream != NULL) {
    vfprintf(stream, format, arguments);
    fclose(stream);
  }
  va_end(arguments);
  stream = open_memstream(&text, &size);
  if (stream != NULL) {
    blok_show_to(stream, raw);
    fclose(stream);
  }
  free(raw);
  if (table->count == table->capacity) {
    const size_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
    char **cells = blok_cli_alloc(capacity, sizeof *cells);
    if (table->count > 0) memcpy(cells, table->cells, table->count * sizeof *cells);
    free(table->cells);
    table->cells = cells;
    table->capacity = capacity;
  }
  table->cells[table->count++] = text;
}

size_t blok_table_width(const char *text) {
  size_t width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

// A row's cells from first on; NULL stands for the heads.
static void print_row(const blok_table *table, const blok_cli *cli, int indent,
                      const size_t *widths, const char *const *cells) {
  size_t last = 0;
  for (size_t i = 0; i < table->columns; i++) {
    if (widths[i] > 0 && cells[i] != NULL && cells[i][0] != '\0') last = i;
  }
  fprintf(cli->out, "%*s", indent, "");
  for (size_t i = 0; i <= last; i++) {
    if (widths[i] == 0) continue;
    const char *cell = cells[i] == NULL ? "" : cells[i];
    const int padding = (int)(widths[i] - blok_table_width(cell));
    if (table->align[i] == 'r') fprintf(cli->out, "%*s", padding, "");
    fputs(cell, cli->out);
    if (i < last) fprintf(cli->out, "%*s", table->align[i] == 'r' ? 2 : padding + 2, "");
  }
}

void blok_table_end(blok_table *table, const blok_cli *cli, int indent) {
  size_t *widths = blok_cli_alloc(table->columns, sizeof *widths);
  for (size_t i = 0; i < table->count; i++) {
    const size_t width = table->cells[i] == NULL ? 0 : blok_table_width(table->cells[i]);
    if (width > widths[i % table->columns]) widths[i % table->columns] = width;
  }
  for (size_t i = 0; i < table->columns; i++) {
    const size_t width = blok_table_width(table->heads[i]);
    if (widths[i] > 0 && width > widths[i]) widths[i] = width;
  }
  if (table->count > 0) {
    if (cli->color) fputs("\033[1m", cli->out);
    print_row(table, cli, indent, widths, table->heads);
    fputs(cli->color ? "\033[0m\n" : "\n", cli->out);
  }
  for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
    print_row(table, cli, indent, widths, (const char *const *)(table->cells + i));
    fputc('\n', cli->out);
  }
  for (size_t i = 0; i < table->count; i++) free(table->cells[i]);
  free(table->cells);
  free(widths);
  memset(table, 0, sizeof *table);
}
