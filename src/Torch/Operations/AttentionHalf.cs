// B texts, T time, N = B T tokens, C channels, H heads, X = B H, D channels of a head
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>The first half of a transformer's layer: normalization, attention, projection, and the sum with what came in.</summary>
internal sealed unsafe class AttentionHalf : HandGradient
{
    private const int Parts = 3;
    private readonly Tensor x_BTC;
    private readonly LayerNorm norm;
    private readonly Dense project, output;
    private readonly bool causal;
    private readonly Tensor? padding_B1T, keptShares_XTT, kept_NC;
    private readonly AttentionRows.Shape shape;
    private readonly int tokens, channels;
    private readonly float scale;
    private NormalizedRows? normal;
    private Tensor? heads_PXTD, shares_XTT, lookedAt_XTT, read_NC;

    private AttentionHalf(Tensor x_BTC, LayerNorm norm, Dense project, Dense output, int heads, bool causal, Tensor? padding_B1T, Dropout ofShares, Dropout ofOutput)
    {
        (this.x_BTC, this.norm, this.project, this.output, this.causal, this.padding_B1T) = (x_BTC.contiguous(), norm, project, output, causal, padding_B1T);
        (tokens, channels) = ((int)(x_BTC.size(0) * x_BTC.size(1)), (int)x_BTC.size(2));
        shape = new((int)x_BTC.size(0), (int)x_BTC.size(1), heads, channels / heads);
        scale = (float)(1 / Math.Sqrt(shape.Size));
        (keptShares_XTT, kept_NC) = (Kept(ofShares, shape.Texts * heads, shape.Time, shape.Time), Kept(ofOutput, tokens, channels));
    }

    /// <param name="x_BTC">What comes in.</param>
    /// <param name="project">Makes queries, keys and values, C to 3 C.</param>
    /// <param name="causal">Whether a token sees only itself and those before it.</param>
    /// <param name="padding_B1T">Negative infinity where a text has ended, else 0.</param>
    public static Tensor Of(Tensor x_BTC, LayerNorm norm, Dense project, Dense output, int heads, bool causal, Tensor? padding_B1T, Dropout ofShares, Dropout ofOutput) =>
        new AttentionHalf(x_BTC, norm, project, output, heads, causal, padding_B1T, ofShares, ofOutput)
            .Apply([x_BTC], norm.weight, norm.bias, project.Weight_CO, project.Bias_O, output.Weight_CO, output.Bias_O);

    protected override Tensor Forward()
    {
        normal = new(norm, x_BTC);
        using (var projected_NO = normal.Values_RC.mm(project.Weight_CO))
        {
            heads_PXTD = empty(Parts, shape.Texts * shape.Heads, shape.Time, shape.Size);
            AttentionRows.Split(projected_NO.Floats(), project.Bias_O.Floats(), Parts, shape, heads_PXTD.Floats());
        }
        using var queries_XTD = heads_PXTD.select(0, 0);
        using var keys_XTD = heads_PXTD.select(0, 1);
        using var values_XTD = heads_PXTD.select(0, 2);
        using var keys_XDT = keys_XTD.transpose(1, 2);
        shares_XTT = queries_XTD.bmm(keys_XDT);
        var area = (long)shape.Time * shape.Time;
        for (var matrix = 0; matrix < shape.Texts * shape.Heads; matrix++)
        {
            var padding = padding_B1T is null ? null : padding_B1T.Floats() + matrix / shape.Heads * shape.Time;
            AttentionRows.Softmax(shares_XTT.Floats() + matrix * area, padding, scale, shape.Time, shape.Time, causal);
        }
        lookedAt_XTT = keptShares_XTT is null ? shares_XTT : shares_XTT * keptShares_XTT;
        using var read_XTD = lookedAt_XTT.bmm(values_XTD);
        read_NC = empty(tokens, channels);
        AttentionRows.Merge(read_XTD.Floats(), 1, shape, read_NC.Floats(), null);
        return Residual.Add(x_BTC, read_NC.mm(output.Weight_CO), output.Bias_O, kept_NC).view(x_BTC.shape);
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient)
    {
        using var gradient_NC = Residual.Backward(gradient.view(tokens, channels), output.Bias_O, kept_NC);
        using var readGradient_NC = output.Backward(gradient_NC, read_NC!);
        using var readGradient_XTD = empty(shape.Texts * shape.Heads, shape.Time, shape.Size);
        AttentionRows.Split(readGradient_NC.Floats(), null, 1, shape, readGradient_XTD.Floats());
        using var queries_XTD = heads_PXTD!.select(0, 0);
        using var keys_XTD = heads_PXTD.select(0, 1);
        using var values_XTD = heads_PXTD.select(0, 2);
        using var values_XDT = values_XTD.transpose(1, 2);
        using var shareGradient_XTT = readGradient_XTD.bmm(values_XDT);
        if (keptShares_XTT is not null)
        {
            shareGradient_XTT.mul_(keptShares_XTT);
        }
        var area = (long)shape.Time * shape.Time;
        for (var matrix = 0; matrix < shape.Texts * shape.Heads; matrix++)
        {
            AttentionRows.SoftmaxBackward(shares_XTT!.Floats() + matrix * area, shareGradient_XTT.Floats() + matrix * area, scale, shape.Time, shape.Time, causal);
        }
        using var looked_XTT = lookedAt_XTT!.transpose(1, 2);
        using var logits_XTT = shareGradient_XTT.transpose(1, 2);
        using var gradients_PXTD = empty_like(heads_PXTD);
        Put(shareGradient_XTT.bmm(keys_XTD), 0);
        Put(logits_XTT.bmm(queries_XTD), 1);
        Put(looked_XTT.bmm(readGradient_XTD), 2);
        using var projected_NO = empty(tokens, Parts * channels);
        AttentionRows.Merge(gradients_PXTD.Floats(), Parts, shape, projected_NO.Floats(), GradientFloats(project.Bias_O));
        using var normalGradient_NC = project.Backward(projected_NO, normal!.Values_RC);
        var input_BTC = gradient.clone();
        normal!.Backward(normalGradient_NC, input_BTC);
        return [input_BTC];

        void Put(Tensor part_XTD, int part)
        {
            using var place_XTD = gradients_PXTD.select(0, part);
            place_XTD.copy_(part_XTD);
            part_XTD.Dispose();
        }
    }
}
