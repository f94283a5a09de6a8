namespace Granary.Torch.Data.Tokens;

/// <summary>A text as numbers of tokens, in memory or in a file. Several threads may read it at once.</summary>
internal interface ITokens
{
    long Count { get; }

    /// <param name="start">How many tokens lie before the first one that is wanted.</param>
    void Read(long start, Span<long> tokens);
}

/// <inheritdoc/>
internal sealed class TokensInMemory(int[] tokens) : ITokens
{
    public long Count => tokens.Length;

    public void Read(long start, Span<long> into)
    {
        var from = tokens.AsSpan((int)start, into.Length);
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = from[i];
        }
    }
}
