#pragma once
#include <curl/curl.h>
// Why: what libcurl's sockets are waited for with, which Swift's Glibc module lacks.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// Swift cannot call C functions that take `...`, so each variadic function of libcurl gets one typed setter or getter
// per kind of value. The names in parentheses keep curl's type-checking macros out: the parameter types check instead.

/// Why: variadic. Options of kind CURLOPTTYPE_LONG, VALUES.
static inline CURLcode shim_easy_set_long(CURL *easy, CURLoption option, long value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. Options of kind CURLOPTTYPE_OFF_T: byte counts.
static inline CURLcode shim_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. Options of kind CURLOPTTYPE_STRINGPOINT, which libcurl copies.
static inline CURLcode shim_easy_set_string(CURL *easy, CURLoption option, const char *value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. Options of kind CURLOPTTYPE_OBJECTPOINT and CBPOINT: kept, not copied, but for COPYPOSTFIELDS.
static inline CURLcode shim_easy_set_pointer(CURL *easy, CURLoption option, const void *value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. Options of kind CURLOPTTYPE_SLISTPOINT: kept, not copied.
static inline CURLcode shim_easy_set_list(CURL *easy, CURLoption option, const struct curl_slist *value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. WRITEFUNCTION and HEADERFUNCTION, which share one type.
static inline CURLcode shim_easy_set_write(CURL *easy, CURLoption option, curl_write_callback value) {
    return (curl_easy_setopt)(easy, option, value);
}

/// Why: variadic. OPENSOCKETFUNCTION.
static inline CURLcode shim_easy_set_open_socket(CURL *easy, curl_opensocket_callback value) {
    return (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}

/// Why: variadic. Values of kind CURLINFO_OFF_T, here microseconds.
static inline CURLcode shim_easy_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(easy, info, value);
}

/// Why: variadic. PRIVATE, the pointer given with CURLOPT_PRIVATE; null when there is none.
static inline void *shim_easy_get_private(CURL *easy) {
    char *value = NULL;
    return (curl_easy_getinfo)(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? value : NULL;
}

/// Why: variadic. Options of the multi handle of kind CURLOPTTYPE_LONG.
static inline CURLMcode shim_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

/// Why: variadic. SOCKETDATA and TIMERDATA.
static inline CURLMcode shim_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return (curl_multi_setopt)(multi, option, value);
}

/// Why: variadic. SOCKETFUNCTION.
static inline CURLMcode shim_multi_set_socket(CURLM *multi, curl_socket_callback value) {
    return (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, value);
}

/// Why: variadic. TIMERFUNCTION.
static inline CURLMcode shim_multi_set_timer(CURLM *multi, curl_multi_timer_callback value) {
    return (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, value);
}
