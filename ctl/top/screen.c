/* SPDX-License-Identifier: Apache-2.0 */
/* screen.c - the terminal of ztctl top, by ncurses. */
#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/top/screen.h"

#define ESCAPE_MS 50 /* how long an Esc may be the beginning of another key */
#define CTRL_L	  0x0c

struct ztc_screen {
	SCREEN *term;
	bool color;
};

static const short colors[ZTC_COLOR_COUNT] = {
	[ZTC_GOOD] = COLOR_GREEN,
	[ZTC_WARN] = COLOR_YELLOW,
	[ZTC_BAD] = COLOR_RED,
};

int ztc_screen_new(struct ztc_screen **ret)
{
	zt_auto(ztc_screen_free) struct ztc_screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return -ENOMEM;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	screen->term = newterm(NULL, stdout, stdin);
	if (!screen->term)
		return -ENOTTY;
	set_term(screen->term);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	screen->color = has_colors();
	if (screen->color) {
		start_color();
		use_default_colors();
		for (short c = 0; c < ZTC_COLOR_COUNT; c++)
			init_pair((short)(c + 1), colors[c] ? colors[c] : -1, -1);
	}
	*ret = zt_take(screen);
	return 0;
}

void ztc_screen_free(struct ztc_screen **screen)
{
	if (!*screen)
		return;
	if ((*screen)->term) {
		endwin();
		delscreen((*screen)->term);
	}
	free(*screen);
	*screen = NULL;
}

static unsigned int at_most(int n, unsigned int most)
{
	return n < 0 ? 0 : (unsigned int)n > most ? most : (unsigned int)n;
}

void ztc_screen_size(struct ztc_screen *screen, struct ztc_top_state *state)
{
	(void)screen;
	state->columns = at_most(COLS, ZTC_TOP_COLUMNS_MAX);
	state->lines = at_most(LINES, ZTC_TOP_LINES_MAX);
}

static attr_t look_of(const struct ztc_screen *screen, const struct ztc_top_line *line, bool color)
{
	attr_t look = line->bar ? A_REVERSE : A_NORMAL;

	if (line->color == ZTC_BOLD)
		look |= A_BOLD;
	if (line->color == ZTC_DIM)
		look |= A_DIM;
	if (screen->color && color && colors[line->color])
		look |= (attr_t)COLOR_PAIR(line->color + 1);
	return look;
}

void ztc_screen_draw(struct ztc_screen *screen, const struct ztc_top_line *lines, size_t count,
		     bool color)
{
	erase();
	for (size_t i = 0; i < count && i < (size_t)LINES; i++) {
		attr_t look = look_of(screen, &lines[i], color);

		attron(look);
		/* A reversed line is a bar from edge to edge. */
		if (lines[i].bar)
			mvhline((int)i, 0, ' ', COLS);
		mvaddnstr((int)i, 0, lines[i].text, -1);
		attroff(look);
	}
	refresh();
}

enum ztc_key ztc_screen_key(struct ztc_screen *screen, int wait_ms, char *ret_char)
{
	int key;

	(void)screen;
	timeout(wait_ms);
	errno = 0;
	key = getch();
	switch (key) {
	case ERR:
		/* No key in time is ERR as well; without a terminal it comes at once. */
		return isatty(STDIN_FILENO) && errno != EIO ? ZTC_KEY_NONE : ZTC_KEY_CLOSED;
	case KEY_UP:
		return ZTC_KEY_UP;
	case KEY_DOWN:
		return ZTC_KEY_DOWN;
	case KEY_PPAGE:
		return ZTC_KEY_PAGE_UP;
	case KEY_NPAGE:
		return ZTC_KEY_PAGE_DOWN;
	case KEY_HOME:
		return ZTC_KEY_HOME;
	case KEY_ENTER:
	case '\r':
	case '\n':
		return ZTC_KEY_ENTER;
	case 27:
		return ZTC_KEY_ESCAPE;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		return ZTC_KEY_ERASE;
	case KEY_RESIZE:
		return ZTC_KEY_RESIZED;
	case CTRL_L:
		clearok(stdscr, TRUE);
		return ZTC_KEY_RESIZED;
	default:
		*ret_char = (char)key;
		return key >= ' ' && key < 127 ? ZTC_KEY_CHAR : ZTC_KEY_RESIZED;
	}
}
