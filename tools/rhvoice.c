/* Lets RHVoice's library for Windows say words, under Wine, because Debian 12 has no package of it and PyPI no library for Linux.

   rhvoice.exe RHVoice.dll DATA < lines    each line: file TAB voice TAB rate TAB pitch TAB text in UTF-8; rate and pitch are factors
   writes each file's samples, 16 bit and without a header, and prints: file TAB samples per second

   Built by: x86_64-w64-mingw32-gcc -O2 rhvoice.c -o rhvoice.exe
   The structures are those that RHVoice 1.2 and later takes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

typedef struct {
    int (*set_sample_rate)(int, void *);
    int (*play_speech)(const short *, unsigned, void *);
    void *unused[7];
} Callbacks;

typedef struct {
    const char *data, *config;
    const char **resources;
    Callbacks callbacks;
    unsigned options;
} Settings;

typedef struct {
    const char *voice;
    double absolute_rate, absolute_pitch, absolute_volume, rate, pitch, volume;
    int punctuation;
    const char *marks;
    int capitals, flags;
} Manner;

enum { TEXT = 0, KEEP_RATE = 1 };

static FILE *out;
static int samples_per_second;

static int on_rate(int rate, void *user) {
    samples_per_second = rate;
    return 1;
}

static int on_speech(const short *samples, unsigned count, void *user) { return fwrite(samples, sizeof *samples, count, out) == count; }

static void fail(const char *what) {
    fprintf(stderr, "rhvoice: %s\n", what);
    exit(1);
}

int main(int count, char **arguments) {
    HMODULE library = count == 3 ? LoadLibraryA(arguments[1]) : NULL;
    if (!library) fail("usage: rhvoice.exe RHVoice.dll DATA < lines");
    void *(*new_engine)(const Settings *) = (void *)GetProcAddress(library, "RHVoice_new_tts_engine");
    void *(*new_message)(void *, const char *, unsigned, int, const Manner *, void *) =
        (void *)GetProcAddress(library, "RHVoice_new_message");
    int (*speak)(void *) = (void *)GetProcAddress(library, "RHVoice_speak");
    void (*delete_message)(void *) = (void *)GetProcAddress(library, "RHVoice_delete_message");
    Settings settings = {arguments[2], arguments[2], NULL, {on_rate, on_speech, {0}}, 0};
    void *engine = new_engine(&settings);
    if (!engine) fail("no engine: are there languages and voices in DATA?");

    char line[1000];
    while (fgets(line, sizeof line, stdin)) {
        char *file = strtok(line, "\t"), *voice = strtok(NULL, "\t"), *rate = strtok(NULL, "\t"), *pitch = strtok(NULL, "\t");
        char *text = strtok(NULL, "\r\n");
        if (!text) fail("a line has five fields");
        Manner manner = {voice, 0, 0, 0, atof(rate), atof(pitch), 1, 0, NULL, 0, KEEP_RATE};
        void *message = new_message(engine, text, (unsigned)strlen(text), TEXT, &manner, NULL);
        out = fopen(file, "wb");
        if (!message || !out || !speak(message)) fail(file);
        delete_message(message);
        fclose(out);
        printf("%s\t%d\n", file, samples_per_second);
    }
    return 0;
}
