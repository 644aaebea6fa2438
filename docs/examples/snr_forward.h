/* Eqs. 1 to 5 of SNR in C, straight from the equations, for whatever REAL is defined as; `SNR_FORWARD` names it. */

/* images x pixels x channels in C order; w1 is channels x hidden, w2 hidden x channels; b1 and b2 may be NULL.
   F_plus has the shape of F; a is images x channels. Returns 0, or 1 if memory runs out. */
static int SNR_FORWARD(const REAL *F, size_t images, size_t pixels, size_t channels, const REAL *gamma,
                       const REAL *beta, const REAL *w1, const REAL *w2, const REAL *b1, const REAL *b2, size_t hidden,
                       REAL epsilon, REAL *F_plus, REAL *a)
{
    REAL *z = malloc((channels + hidden) * sizeof *z), *h = z ? z + channels : NULL;
    if (!z) return 1;
    for (size_t n = 0; n < images; n++) {
        const REAL *x = F + n * pixels * channels;
        REAL *out = F_plus + n * pixels * channels;
        for (size_t c = 0; c < channels; c++) {
            REAL mu = 0, var = 0, pooled = 0;
            for (size_t m = 0; m < pixels; m++) mu += x[m * channels + c];
            mu /= (REAL)pixels;
            for (size_t m = 0; m < pixels; m++) var += (x[m * channels + c] - mu) * (x[m * channels + c] - mu);
            var /= (REAL)pixels;
            REAL sigma = (REAL)sqrt(var + epsilon);
            for (size_t m = 0; m < pixels; m++) {
                out[m * channels + c] = gamma[c] * ((x[m * channels + c] - mu) / sigma) + beta[c]; /* F~, eq. 1 */
                pooled += x[m * channels + c] - out[m * channels + c];                             /* R, eq. 2 */
            }
            z[c] = pooled / (REAL)pixels;
        }
        for (size_t j = 0; j < hidden; j++) {
            h[j] = b1 ? b1[j] : 0;
            for (size_t c = 0; c < channels; c++) h[j] += z[c] * w1[c * hidden + j];
            if (h[j] < 0) h[j] = 0;
        }
        for (size_t c = 0; c < channels; c++) {
            REAL logit = b2 ? b2[c] : 0;
            for (size_t j = 0; j < hidden; j++) logit += h[j] * w2[j * channels + c];
            REAL e = (REAL)exp(logit < 0 ? logit : -logit);
            REAL gate = (logit < 0 ? e : 1) / (1 + e); /* eq. 3 */
            a[n * channels + c] = gate;
            for (size_t m = 0; m < pixels; m++) {
                REAL F_tilde = out[m * channels + c];
                out[m * channels + c] = F_tilde + gate * (x[m * channels + c] - F_tilde); /* eqs. 4 and 5 */
            }
        }
    }
    free(z);
    return 0;
}

#undef REAL
#undef SNR_FORWARD
