using Granary.Torch.Data.Texts;

namespace Granary.Models.Tests.Data;

public class BleuTests
{
    [Fact]
    public void Score_OfOneSentence_IsWhatOneCountsByHand()
    {
        // Of "the cat sat on a mat": 5 of 6 words, 3 of 5 pairs, 2 of 4 triples and 1 of 3 fours are in the reference; both have 6 words.
        var counts = Count(("the cat sat on a mat", "the cat sat on the mat"));
        Assert.Equal([5, 3, 2, 1, 6, 5, 4, 3, 6, 6], counts);
        Assert.Equal(100 * Math.Pow(5 / 6.0 * (3 / 5.0) * (2 / 4.0) * (1 / 3.0), 0.25), Bleu.Score(counts), 1e-12);
    }

    [Fact]
    public void Count_OfAWordThatIsRepeated_IsNoMoreThanInTheReference()
    {
        // Papineni's example: of seven times "the", two are in the reference.
        var counts = Count(("the the the the the the the", "the cat is on the mat"));
        Assert.Equal([2, 0, 0, 0, 7, 6, 5, 4, 7, 6], counts);
        // No hits of two, three and four: half a hit, a quarter, an eighth.
        Assert.Equal(100 * Math.Pow(2 / 7.0 * (0.5 / 6) * (0.25 / 5) * (0.125 / 4), 0.25), Bleu.Score(counts), 1e-12);
    }

    [Fact]
    public void Brevity_OfTranslationsThatAreTooShort_IsAPenalty()
    {
        var counts = Count(("a b c d", "a b c d e"), ("f g h i", "f g h i j"));
        Assert.Equal(Math.Exp(1 - 10 / 8.0), Bleu.Brevity(counts), 1e-12);
        Assert.Equal(100 * Math.Exp(1 - 10 / 8.0), Bleu.Score(counts), 1e-12);
        Assert.Equal(1, Bleu.Brevity(Count(("a b c d e f", "a b c"))));
        Assert.Equal(0, Bleu.Score(Count(("", "a b c d"))));
        Assert.Equal(0, Bleu.Score(Count(("x y z w", "a b c d"))));
        Assert.Equal(0, Bleu.Score(Count(("a b c", "a b c")))); // there are no four words in a row
    }

    [Theory]
    [InlineData("Don't pay $1,000.50, or else... (I'm serious!)", "don't pay $ 1,000.50 , or else . . . ( i'm serious ! )")]
    [InlineData("A well-known 3-year-old &quot;trick&quot; & more", "a well-known 3 - year-old \" trick \" & more")]
    [InlineData("x^2/y", "x ^ 2 / y")]
    public void ForBleu_OfWords_PartsSignsAsSacreBleuDoes(string sentence, string words) => Assert.Equal(words.Split(' '), Wording.Words.ForBleu(sentence));

    [Fact]
    public void ForBleu_OfCharacters_CountsEachButBlanks() => Assert.Equal(["他", "說", "：", "O", "K", "！", "𠮷"], Wording.Characters.ForBleu("他說： OK！𠮷"));

    [Theory]
    [InlineData("Hey, don't you (ever) pay $1200 for a well-known hat?", "hey , don ' t you ( ever ) pay $ 1 2 0 0 for a well - known hat ?", "hey, don't you (ever) pay $ 1200 for a well-known hat?")]
    [InlineData("Él comió.", "él comió .", "él comió.")]
    public void Words_AreLowerCaseRunsOfLettersAndSigns_AndArePutTogetherAgain(string sentence, string words, string again)
    {
        Assert.Equal(words.Split(' '), Wording.Words.Split(sentence));
        Assert.Equal(again, Wording.Words.Join(words.Split(' ')));
    }

    [Fact]
    public void Wording_FollowsFromMostOfTheLetters()
    {
        Assert.Equal(Wording.Words, Wordings.Of(["She put it on the table.", "他"]));
        Assert.Equal(Wording.Characters, Wordings.Of(["她把雜誌放在桌上，OK？", "1 2 3 4 5 6 7 8 9"]));
    }

    private static double[] Count(params (string Translation, string Reference)[] sentences)
    {
        var counts = new double[Bleu.Sums.Count];
        foreach (var (translation, reference) in sentences)
        {
            Bleu.Count(translation.Split(' ', StringSplitOptions.RemoveEmptyEntries), reference.Split(' '), counts);
        }
        return counts;
    }
}
