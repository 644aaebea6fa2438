/* Checks an SNR written in C against the golden vectors, in double and in float, without HDF5:

       snr parity export vectors.h5
       cc -std=c99 -O2 -I . check_snr.c -lm && ./a.out

   `snr_forward.h` is the implementation under test. Exit status 0 if every number is within its tolerance, else 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define REAL double
#define SNR_FORWARD snr_double
#include "snr_forward.h"

#define REAL float
#define SNR_FORWARD snr_float
#include "snr_forward.h"

static const snr_vectors_input *input(const snr_vectors_case *of, const char *name)
{
    for (size_t i = 0; i < of->input_count; i++)
        if (strcmp(of->inputs[i].name, name) == 0) return &of->inputs[i];
    return NULL;
}

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static float *as_float(const snr_vectors_input *in)
{
    if (!in) return NULL;
    float *x = allocate(in->size * sizeof *x);
    for (size_t i = 0; i < in->size; i++) x[i] = (float)in->numbers[i];
    return x;
}

/* How many numbers are farther off than rounding explains; NaN as the expected number is any that is not finite. */
static size_t failures(const snr_vectors_case *of, const char *name, const double *got, int in_float, size_t *compared)
{
    size_t failed = 0;
    for (size_t k = 0; k < of->answers[0].count; k++) {
        const snr_vectors_output *output = &of->answers[0].outputs[k];
        const double *tolerance = in_float ? output->tolerance_float32 : output->tolerance_float64;
        if (strcmp(output->name, name) != 0 || !tolerance) continue;
        for (size_t i = 0; i < output->size; i++) {
            double expected = output->expected[i];
            int right = isfinite(expected) ? fabs(got[i] - expected) <= tolerance[i] : !isfinite(got[i]);
            if (!right && !failed++)
                printf("%s in %s: %s[%lu] is %.9g for %.9g, where rounding explains %.3g\n", of->name,
                       in_float ? "float" : "double", name, (unsigned long)i, got[i], expected, tolerance[i]);
            ++*compared;
        }
    }
    return failed;
}

static size_t check(const snr_vectors_case *of, size_t *compared)
{
    const char *names[] = {"F", "params/gamma", "params/beta", "params/w1", "params/w2", "params/b1", "params/b2"};
    const snr_vectors_input *in[7], *epsilon_in = input(of, "epsilon");
    for (int i = 0; i < 7; i++) in[i] = input(of, names[i]);
    const snr_vectors_input *F = in[0];
    double epsilon = epsilon_in ? epsilon_in->numbers[0] : 1e-5;
    size_t images = F->shape[0], channels = F->shape[F->rank - 1], hidden = in[3]->shape[1], pixels = 1, failed = 0;
    for (int axis = 1; axis < F->rank - 1; axis++) pixels *= F->shape[axis];

    double *F_plus = allocate(F->size * sizeof *F_plus), *a = allocate(images * channels * sizeof *a);
    if (snr_double(F->numbers, images, pixels, channels, in[1]->numbers, in[2]->numbers, in[3]->numbers,
                   in[4]->numbers, in[5] ? in[5]->numbers : NULL, in[6] ? in[6]->numbers : NULL, hidden, epsilon,
                   F_plus, a))
        exit(2);
    failed += failures(of, "a", a, 0, compared) + failures(of, "F_plus", F_plus, 0, compared);

    float *x[7], *F_plus_float = allocate(F->size * sizeof *F_plus_float);
    float *a_float = allocate(images * channels * sizeof *a_float);
    for (int i = 0; i < 7; i++) x[i] = as_float(in[i]);
    if (snr_float(x[0], images, pixels, channels, x[1], x[2], x[3], x[4], x[5], x[6], hidden, (float)epsilon,
                  F_plus_float, a_float))
        exit(2);
    for (size_t i = 0; i < F->size; i++) F_plus[i] = F_plus_float[i];
    for (size_t i = 0; i < images * channels; i++) a[i] = a_float[i];
    failed += failures(of, "a", a, 1, compared) + failures(of, "F_plus", F_plus, 1, compared);

    for (int i = 0; i < 7; i++) free(x[i]);
    free(F_plus_float);
    free(a_float);
    free(F_plus);
    free(a);
    return failed;
}

int main(void)
{
    size_t cases = 0, compared = 0, failed = 0;
    for (size_t i = 0; i < SNR_VECTORS_CASE_COUNT; i++) {
        const snr_vectors_case *of = &snr_vectors_cases[i];
        if (strcmp(of->function, "snr") != 0 || strcmp(of->kind, "refusal") == 0) continue;
        failed += check(of, &compared);
        cases++;
    }
    printf("%lu cases, %lu numbers, %lu of them wrong\n", (unsigned long)cases, (unsigned long)compared,
           (unsigned long)failed);
    return failed || !compared;
}
