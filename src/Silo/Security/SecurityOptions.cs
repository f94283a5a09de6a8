using System.ComponentModel.DataAnnotations;

namespace Granary.Silo.Security;

/// <summary>Who is let in, and what proves it. All files are read again when their content changes.</summary>
public sealed class SecurityOptions
{
    public const string Section = "Granary:Security";

    private const string PathForm = @"[^\p{Cc}]+", APath = "the path of a file";

    /// <summary>The file of access tokens that <c>granary token create</c> writes. Default: none, and whoever reaches the gateway is an operator.</summary>
    [RegularExpression(PathForm, ErrorMessage = APath)]
    public string? TokensFile { get; set; }

    /// <summary>This silo's certificate (PEM), followed by those between it and the authority. Default: none, and nothing is encrypted.</summary>
    [RegularExpression(PathForm, ErrorMessage = APath)]
    public string? Certificate { get; set; }

    /// <summary>The private key of <see cref="Certificate"/> (PEM). Default: none.</summary>
    [RegularExpression(PathForm, ErrorMessage = APath)]
    public string? Key { get; set; }

    /// <summary>The certificate (PEM) of the authority that signs the silos' certificates, and nobody else's: by it silos know one another. Default: none.</summary>
    [RegularExpression(PathForm, ErrorMessage = APath)]
    public string? Authority { get; set; }

    /// <summary>Whether a silo that other machines reach starts without tokens or without a certificate. Default: false.</summary>
    public bool AllowInsecure { get; set; }

    /// <summary>What TLS takes.</summary>
    private (string Name, string? Path)[] OfTls => [(nameof(Certificate), Certificate), (nameof(Key), Key), (nameof(Authority), Authority)];

    /// <param name="opening">The setting by which other machines reach the silo, with its value; <see langword="null"/>: they do not.</param>
    /// <returns>What contradicts itself or is not safe, each in a sentence.</returns>
    internal IEnumerable<string> Faults(string? opening)
    {
        string[] without = [.. OfTls.Where(file => file.Path is null).Select(file => $"{Section}:{file.Name}")];
        if (without.Length is > 0 and < 3)
        {
            yield return $"{string.Join(" and ", without)} {(without.Length == 1 ? "is" : "are")} missing: a certificate, its key and its authority belong together.";
        }
        else if (opening is not null && !AllowInsecure && (TokensFile is null || without.Length > 0))
        {
            string[] needed = [.. TokensFile is null ? [$"{Section}:{nameof(TokensFile)}"] : Array.Empty<string>(), .. without];
            yield return $"{opening} lets other machines reach this silo, and who reaches it could run what they like: set {string.Join(", ", needed)}"
                + $" (granary token create and granary certificates make the files), or, where everybody on the network may do anything, {Section}:{nameof(AllowInsecure)} to true.";
        }
    }
}
