/*
 * mount.c - shows a plant as a file system: `plant MOUNTPOINT < description`.
 *
 * Says "ready" on its standard output once mounted. The file `control` at the root takes commands (one a
 * write), and lists "path opens reads writes" of every file when read. Ends with its parent.
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "plant.h"

#define CONTROL "/control"
#define PAGE    4096 /* the size sysfs gives its files */

static plant machine; /* fuse_main has the thread to itself */

static int number_of(const char *path)
{
    int number = plant_find(&machine, path + 1);
    return number >= 0 && machine.file[number].trick == PLANT_VANISH ? -1 : number;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    (void)info;
    memset(st, 0, sizeof *st);
    st->st_nlink = 1;
    st->st_uid = geteuid();
    if (strcmp(path, "/") == 0) {
        st->st_mode = S_IFDIR | 0755;
        return 0;
    }
    if (strcmp(path, CONTROL) == 0) {
        st->st_mode = S_IFREG | 0644;
        return 0;
    }
    int number = number_of(path);
    if (number < 0)
        return -ENOENT;
    const plant_file *f = &machine.file[number];
    st->st_mode = (f->kind == PLANT_DIRECTORY ? S_IFDIR : S_IFREG) | f->mode;
    st->st_size = f->kind == PLANT_DIRECTORY ? 0 : PAGE;
    st->st_gid = f->group;
    return 0;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset, (void)info, (void)flags;
    size_t length = strlen(path + 1);
    for (int i = 0; i < machine.files; i++) {
        const char *child = machine.file[i].path;
        if (length > 0 && (strncmp(child, path + 1, length) != 0 || child[length] != '/'))
            continue;
        child += length > 0 ? length + 1 : 0;
        if (!strchr(child, '/') && machine.file[i].trick != PLANT_VANISH)
            (void)fill(buffer, child, NULL, 0, 0);
    }
    return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    info->direct_io = 1;
    if (strcmp(path, CONTROL) == 0)
        return 0;
    int number = number_of(path);
    if (number < 0)
        return -ENOENT;
    machine.file[number].opens++;
    return 0;
}

static int list_counts(char *out, size_t size)
{
    size_t length = 0;
    for (int i = 0; i < machine.files && length < size; i++) {
        const plant_file *f = &machine.file[i];
        if (f->kind != PLANT_DIRECTORY)
            length += (size_t)snprintf(out + length, size - length, "%s %u %u %u\n", f->path,
                                       f->opens, f->reads, f->writes);
    }
    return (int)length;
}

static int on_read(const char *path, char *buffer, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    static char text[PLANT_FILES * (PLANT_PATH + 40)];
    (void)info;
    int length = strcmp(path, CONTROL) == 0
                     ? list_counts(text, sizeof text)
                     : plant_read(&machine, plant_find(&machine, path + 1), text, sizeof text);
    if (length < 0 || offset >= length)
        return length < 0 ? length : 0;
    size_t left = (size_t)(length - offset);
    memcpy(buffer, text + offset, left < size ? left : size);
    return (int)(left < size ? left : size);
}

static int on_write(const char *path, const char *text, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    char line[512];
    (void)offset, (void)info;
    if (strcmp(path, CONTROL) != 0)
        return plant_write(&machine, plant_find(&machine, path + 1), text, size);
    (void)snprintf(line, sizeof line, "%.*s", (int)size, text);
    int rc = plant_command(&machine, line);
    return rc ? rc : (int)size;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    (void)path, (void)size, (void)info; /* sysfs takes no notice of O_TRUNC */
    return 0;
}

static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    (void)info;
    int number = number_of(path);
    if (number < 0)
        return -ENOENT;
    machine.file[number].mode = mode & 07777;
    return 0;
}

static int on_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info)
{
    (void)user, (void)info;
    int number = number_of(path);
    if (number < 0)
        return -ENOENT;
    machine.file[number].group = group;
    return 0;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0.0;
    (void)puts("ready");
    (void)fflush(stdout);
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct fuse_operations OPERATIONS = {.getattr = on_getattr,
                                                      .readdir = on_readdir,
                                                      .open = on_open,
                                                      .read = on_read,
                                                      .write = on_write,
                                                      .truncate = on_truncate,
                                                      .chmod = on_chmod,
                                                      .chown = on_chown,
                                                      .init = on_init};
    char line[512];
    if (argc != 2)
        return 2;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    while (fgets(line, sizeof line, stdin))
        if (plant_command(&machine, line) != 0) {
            (void)fprintf(stderr, "not understood: %s", line);
            return 2;
        }
    /* Only root may show it to others, as some tests want. */
    char *options = geteuid() == 0 ? "default_permissions,allow_other" : "default_permissions";
    char *arguments[] = {argv[0], argv[1], "-f", "-s", "-o", options, NULL};
    return fuse_main(6, arguments, &OPERATIONS, NULL);
}
