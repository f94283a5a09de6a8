using System.Collections.Frozen;
using System.Text;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data.Tokens;

/// <summary>Cuts text into tokens, which are numbers from 0, and joins them again. Immutable; used by several threads at once.</summary>
internal abstract class Tokenizer
{
    /// <summary>How many tokens there are.</summary>
    public abstract int Count { get; }

    /// <summary>The token for all that is not known; <see langword="null"/>: any text can be written.</summary>
    public virtual int? Unknown => null;

    /// <summary>What stands before a text that begins: usually the end of a line.</summary>
    public abstract int Start { get; }

    /// <summary>What a model needs to know the tokens when its data are gone, see <see cref="ReplicaState.Assets"/>.</summary>
    public virtual IReadOnlyDictionary<string, byte[]> Assets => FrozenDictionary<string, byte[]>.Empty;

    public abstract int[] Encode(string text);

    public abstract string Decode(IReadOnlyList<int> tokens);

    /// <summary>Bytes of UTF-8 by which a text grows when the token is written behind another.</summary>
    public virtual int BytesOf(int token, int before) => Encoding.UTF8.GetByteCount(Decode([token]));

    /// <summary>An asset as text.</summary>
    /// <exception cref="CheckpointException">It is missing, or no UTF-8.</exception>
    protected static string TextOf(Func<string, byte[]> asset, string name)
    {
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(asset(name));
        }
        catch (DecoderFallbackException error)
        {
            throw Damaged(name, "it is no UTF-8 text", error);
        }
    }

    protected static CheckpointException Damaged(string name, string how, Exception? inner = null) =>
        new($"The checkpoint's {name} is damaged: {how}. Use another checkpoint, or train anew.", inner);
}
