/* number_file.h - internal: settings that are files which hold one number, as those of sysfs do. */
#ifndef ALERT_NUMBER_FILE_H
#define ALERT_NUMBER_FILE_H

#include "power/give_back/setting.h"

/* The number in the file behind `fd`. -EBADMSG where there is none, or the reading was cut short: the kernel ends
 * the text with a newline. */
int alert_read_number(int fd, uint64_t *out);
/* Access to such a file through the descriptor of the entry. The second shows the lowest of several requests. */
extern const alert_setting_access ALERT_NUMBER_FILE, ALERT_LOWEST_NUMBER_FILE;
/* Gives back the value of an entry whose path is such a file. Opens the path where the entry has no descriptor,
 * but follows no symbolic link. Returns what alert_setting_give_back does. */
int alert_number_file_give_back(alert_journal_entry *e, const alert_setting_access *access);

#endif
