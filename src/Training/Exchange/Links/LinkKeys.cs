namespace Granary.Training.Exchange.Links;

/// <summary>The keys of an encrypted connection: each side has made that of what it sends, by chance, and told it to the other.</summary>
internal sealed record LinkKeys(byte[] Mine, byte[] Theirs)
{
    public const int Bytes = 32;
}
