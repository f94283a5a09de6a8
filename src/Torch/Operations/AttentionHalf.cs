// B texts, T time, N = B T tokens, C channels, O = 3 C, H heads, X = B H, D channels of a head
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The first half of a transformer's layer: normalization, attention, projection, and the sum with what came in.</summary>
internal sealed unsafe class AttentionHalf : HandGradient
{
    // Of a causal text the products of some rows at a time leave out what none of them sees: up to half.
    private const int RowsAtATime = 32;

    private readonly Tensor x_BTC;
    private readonly LayerNorm norm;
    private readonly Dense project, output;
    private readonly bool causal;
    private readonly Tensor? padding_B1T, keptShares_XTT, kept_NC;
    private readonly int texts, time, tokens, channels, heads;
    private readonly float scale;
    private NormalizedRows? normal;
    private Tensor? projected_NO, shares_XTT, lookedAt_XTT, read_NC;

    private AttentionHalf(Tensor x_BTC, LayerNorm norm, Dense project, Dense output, int heads, bool causal, Tensor? padding_B1T, Dropout? ofShares, Dropout? ofOutput)
    {
        (this.x_BTC, this.norm, this.project, this.output, this.causal, this.padding_B1T) = (x_BTC.contiguous(), norm, project, output, causal, padding_B1T);
        (texts, time, channels, this.heads) = ((int)x_BTC.size(0), (int)x_BTC.size(1), (int)x_BTC.size(2), heads);
        (tokens, scale) = (texts * time, (float)(1 / Math.Sqrt(channels / heads)));
        (keptShares_XTT, kept_NC) = (Kept(ofShares, texts * heads, time, time), Kept(ofOutput, tokens, channels));
    }

    /// <param name="x_BTC">What comes in.</param>
    /// <param name="project">Makes queries, keys and values, C to 3 C.</param>
    /// <param name="causal">Whether a token sees only itself and those before it.</param>
    /// <param name="padding_B1T">Negative infinity where a text has ended, else 0.</param>
    public static Tensor Of(Tensor x_BTC, LayerNorm norm, Dense project, Dense output, int heads, bool causal, Tensor? padding_B1T, Dropout? ofShares, Dropout? ofOutput) =>
        new AttentionHalf(x_BTC, norm, project, output, heads, causal, padding_B1T, ofShares, ofOutput)
            .Apply([x_BTC], norm.weight, norm.bias, project.Weight, project.Bias_O, output.Weight, output.Bias_O);

    protected override Tensor Forward()
    {
        normal = new(norm, x_BTC);
        projected_NO = project.Forward(normal.Values_RC);
        (shares_XTT, read_NC) = (empty(texts * heads, time, time), empty(tokens, channels));
        var (projected, shares, read) = (Matrix.Of(projected_NO), Matrix.Of(shares_XTT), Matrix.Of(read_NC));
        var padding = padding_B1T is null ? null : padding_B1T.Floats();
        for (var matrix = 0; matrix < texts * heads; matrix++)
        {
            var shares_TT = Square(shares, matrix);
            Compare(Head(projected, matrix, 0), Head(projected, matrix, 1), shares_TT);
            AttentionRows.Softmax(shares_TT.At, padding == null ? null : padding + matrix / heads * time, scale, time, time, causal);
        }
        lookedAt_XTT = keptShares_XTT is null ? shares_XTT : shares_XTT * keptShares_XTT;
        var lookedAt = Matrix.Of(lookedAt_XTT);
        for (var matrix = 0; matrix < texts * heads; matrix++)
        {
            Read(Square(lookedAt, matrix), Head(projected, matrix, 2), Head(read, matrix, 0));
        }
        return Sum(x_BTC, output.Forward(read_NC), kept_NC);
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        using var gradient_NC = Dropped(gradient.view(tokens, channels), kept_NC);
        output.AddBiasGradient(gradient_NC);
        using var readGradient_NC = output.Backward(gradient_NC, read_NC!);
        using var projectedGradient_NO = empty_like(projected_NO!);
        using var logits_1TT = empty(1, time, time);
        var (projected, shares, lookedAt, logits_TT) = (Matrix.Of(projected_NO!), Matrix.Of(shares_XTT!), Matrix.Of(lookedAt_XTT!), Matrix.Of(logits_1TT));
        var (readGradient, projectedGradient) = (Matrix.Of(readGradient_NC), Matrix.Of(projectedGradient_NO));
        for (var matrix = 0; matrix < texts * heads; matrix++)
        {
            var read_TD = Head(readGradient, matrix, 0);
            ReadBack(Square(lookedAt, matrix), read_TD, Head(projectedGradient, matrix, 2));
            Compare(read_TD, Head(projected, matrix, 2), logits_TT);
            if (keptShares_XTT is not null)
            {
                using var kept_1TT = keptShares_XTT.narrow(0, matrix, 1);
                logits_1TT.mul_(kept_1TT);
            }
            AttentionRows.SoftmaxBackward(Square(shares, matrix).At, logits_TT.At, scale, time, time, causal);
            Read(logits_TT, Head(projected, matrix, 1), Head(projectedGradient, matrix, 0));
            ReadBack(logits_TT, Head(projected, matrix, 0), Head(projectedGradient, matrix, 1));
        }
        project.AddBiasGradient(projectedGradient_NO);
        using var normalGradient_NC = project.Backward(projectedGradient_NO, normal!.Values_RC);
        var input_BTC = gradient.clone();
        normal!.Backward(normalGradient_NC, input_BTC);
        return [input_BTC];
    }

    /// <summary>into = looking lookedAt^T, where a token sees.</summary>
    private void Compare(Matrix looking_TD, Matrix lookedAt_TD, Matrix into_TT)
    {
        for (int row = 0, rows; row < time; row += rows)
        {
            rows = RowsFrom(row);
            var seen = causal ? row + rows : time;
            MatrixProduct.Multiply(looking_TD.Part(row, rows, 0, looking_TD.Columns), lookedAt_TD.Part(0, seen, 0, lookedAt_TD.Columns).Transposed, into_TT.Part(row, rows, 0, seen));
        }
    }

    /// <summary>into = shares values; shares are 0 where a token does not see.</summary>
    private void Read(Matrix shares_TT, Matrix values_TD, Matrix into_TD)
    {
        for (int row = 0, rows; row < time; row += rows)
        {
            rows = RowsFrom(row);
            var seen = causal ? row + rows : time;
            MatrixProduct.Multiply(shares_TT.Part(row, rows, 0, seen), values_TD.Part(0, seen, 0, values_TD.Columns), into_TD.Part(row, rows, 0, into_TD.Columns));
        }
    }

    /// <summary>into = shares^T gradient.</summary>
    private void ReadBack(Matrix shares_TT, Matrix gradient_TD, Matrix into_TD)
    {
        for (int row = 0, rows; row < time; row += rows)
        {
            rows = RowsFrom(row);
            var first = causal ? row : 0;
            MatrixProduct.Multiply(shares_TT.Part(first, time - first, row, rows).Transposed, gradient_TD.Part(first, time - first, 0, gradient_TD.Columns), into_TD.Part(row, rows, 0, into_TD.Columns));
        }
    }

    /// <summary>How many rows are multiplied at once.</summary>
    private int RowsFrom(int row) => causal ? Math.Min(RowsAtATime, time - row) : time;

    /// <summary>The channels of a text and head, among those of all tokens; queries, keys and values lie one behind the other.</summary>
    private Matrix Head(Matrix tokens_NO, int matrix, int part) =>
        tokens_NO.Part(matrix / heads * time, time, part * channels + matrix % heads * (channels / heads), channels / heads);

    private Matrix Square(Matrix rows_RT, int matrix) => rows_RT.Part(matrix * time, time, 0, time);
}
