// S places that are looked at, T time, B batch, H hidden, M memory
using Granary.Torch.Operations.Products;
using Granary.Torch.Runtime;
using static TorchSharp.torch;

namespace Granary.Torch.Operations;

/// <summary>Attention over what an encoder has made of sentences: products of queries and keys, softmax over the places, and the mean of the memories by it. All lie time first.</summary>
internal sealed unsafe class GlobalAttention : HandGradient
{
    private readonly Tensor queries_TBH, keys_SBH, memories_SBM, shares_BTS;
    private readonly Tensor padding_BS;
    private readonly int time, batch, places;
    private readonly float scale;

    private GlobalAttention(Tensor queries_TBH, Tensor keys_SBH, Tensor memories_SBM, Tensor padding_BS)
    {
        (this.queries_TBH, this.keys_SBH, this.memories_SBM) = (queries_TBH.contiguous(), keys_SBH.contiguous(), memories_SBM.contiguous());
        (time, batch, places) = ((int)queries_TBH.size(0), (int)queries_TBH.size(1), (int)keys_SBH.size(0));
        (scale, shares_BTS) = ((float)(1 / Math.Sqrt(queries_TBH.size(2))), empty(batch, time, places));
        this.padding_BS = zeros(batch, places).masked_fill_(padding_BS, float.NegativeInfinity);
    }

    /// <param name="queries_TBH">What looks.</param>
    /// <param name="keys_SBH">What it is compared with.</param>
    /// <param name="memories_SBM">What is seen there.</param>
    /// <param name="padding_BS">True where there is nothing.</param>
    /// <returns>What each time sees, and how much of each place, which has no gradient.</returns>
    public static (Tensor Seen_TBM, Tensor Shares_BTS) Of(Tensor queries_TBH, Tensor keys_SBH, Tensor memories_SBM, Tensor padding_BS)
    {
        if (!Takes(queries_TBH))
        {
            var (keys_BHS, memories_BSM) = (keys_SBH.permute(1, 2, 0), memories_SBM.transpose(0, 1));
            var logits_BTS = (queries_TBH / Math.Sqrt(queries_TBH.size(2))).transpose(0, 1).bmm(keys_BHS);
            var looks_BTS = logits_BTS.masked_fill(padding_BS.unsqueeze(1), float.NegativeInfinity).softmax(2);
            return (looks_BTS.bmm(memories_BSM).transpose(0, 1), looks_BTS);
        }
        var part = new GlobalAttention(queries_TBH, keys_SBH, memories_SBM, padding_BS);
        return (part.Apply([queries_TBH, keys_SBH, memories_SBM]), part.shares_BTS);
    }

    protected override Tensor Forward()
    {
        var seen_TBM = empty(time, batch, memories_SBM.size(2));
        var (queries, keys, memories, shares, seen) = (Matrix.Of(queries_TBH), Matrix.Of(keys_SBH), Matrix.Of(memories_SBM), Matrix.Of(shares_BTS), Matrix.Of(seen_TBM));
        var padding = padding_BS.Floats();
        for (var b = 0; b < batch; b++)
        {
            var shares_TS = shares.Part(b * time, time, 0, places);
            MatrixProduct.Multiply(Of(queries, b), Of(keys, b).Transposed, shares_TS);
            AttentionRows.Softmax(shares_TS.At, padding + b * places, scale, time, places, causal: false);
            MatrixProduct.Multiply(shares_TS, Of(memories, b), Of(seen, b));
        }
        return seen_TBM;
    }

    protected override IReadOnlyList<Tensor?> Backward(Tensor gradient_TBM)
    {
        var (queryGradient_TBH, keyGradient_SBH, memoryGradient_SBM) = (empty_like(queries_TBH), empty_like(keys_SBH), empty_like(memories_SBM));
        using var room_TS = empty(time, places);
        var (queries, keys, memories, shares, seen, logits_TS) = (Matrix.Of(queries_TBH), Matrix.Of(keys_SBH), Matrix.Of(memories_SBM), Matrix.Of(shares_BTS), Matrix.Of(gradient_TBM), Matrix.Of(room_TS));
        var (queryGradient, keyGradient, memoryGradient) = (Matrix.Of(queryGradient_TBH), Matrix.Of(keyGradient_SBH), Matrix.Of(memoryGradient_SBM));
        for (var b = 0; b < batch; b++)
        {
            var (shares_TS, seen_TM) = (shares.Part(b * time, time, 0, places), Of(seen, b));
            MatrixProduct.Multiply(shares_TS.Transposed, seen_TM, Of(memoryGradient, b));
            MatrixProduct.Multiply(seen_TM, Of(memories, b).Transposed, logits_TS);
            AttentionRows.SoftmaxBackward(shares_TS.At, logits_TS.At, scale, time, places, causal: false);
            MatrixProduct.Multiply(logits_TS, Of(keys, b), Of(queryGradient, b));
            MatrixProduct.Multiply(logits_TS.Transposed, Of(queries, b), Of(keyGradient, b));
        }
        return [queryGradient_TBH, keyGradient_SBH, memoryGradient_SBM];
    }

    /// <summary>A sentence's rows.</summary>
    private Matrix Of(Matrix all, int b) => new(all.At + (nint)b * all.RowStep, all.Rows / batch, all.Columns, all.RowStep * batch);
}
