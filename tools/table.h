// Tables of text: columns as wide as their widest cell, two spaces apart.
#ifndef BLOK_TOOLS_TABLE_H
#define BLOK_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tools/cli.h"

typedef struct blok_table {
  const char *const *heads;
  const char *align;  // a letter for each column: 'l' or 'r'
  size_t columns;
  char **cells;
  size_t count;  // cells so far, row by row
  size_t capacity;
  bool *titles;  // by row: its first cell is a title, which may run over the empty cells behind it
  size_t title_capacity;
} blok_table;

// heads has as many entries as align has letters; both must outlive the table.
void blok_table_begin(blok_table *table, const char *align, const char *const *heads);

// The next cell. The finished text is escaped as blok_show does.
void blok_table_cell(blok_table *table, const char *format, ...) BLOK_PRINTF(2, 3);

// Says that the row whose first cell comes next is headed by it: the cell does not widen its column
// but runs over the empty ones behind it. It is printed bold where there is colour.
void blok_table_title(blok_table *table);

// Columns that the widest line takes, without indent.
size_t blok_table_total(const blok_table *table);

// Frees the cells unprinted.
void blok_table_drop(blok_table *table);

// Prints heads and rows, each after indent spaces (titles two fewer), and frees the cells. Columns
// that are empty in every row are left out.
void blok_table_end(blok_table *table, const blok_cli *cli, int indent);

// Columns that text takes on a terminal, its characters counted as one each.
size_t blok_table_width(const char *text);

#endif  // BLOK_TOOLS_TABLE_H
