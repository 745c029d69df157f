"""The hundred and fifty things that people ask for most, and where each is at home.

A row: the word for it | its sprites (emoji labels, or `drawn ...` from drawings.py; `red=red apple`
is a sprite whose captions always say "red") | other everyday names | its homes, the likeliest first
(see places.py). A star marks what is asked for so often that it is to be seen twice as often as the
others.
"""

COMMON = """
* cat | cat, black=black cat | kitten, kitty, tabby | land
* dog | dog, poodle, guide dog | puppy, hound | land
* horse | horse | pony, stallion, mare | land
* bird | bird, black=black bird | songbird, sparrow | air
* owl | owl | barn owl | tree air
eagle | eagle | | air
duck | duck | | water
* swan | swan | | water
parrot | parrot | | air
* penguin | penguin | | snow
chicken | chicken, rooster | hen | land
peacock | peacock | | land
flamingo | flamingo | | water
* fish | fish, tropical fish | | sea
* tropical fish | tropical fish | | sea
* butterfly | butterfly | | air
bee | honeybee | bumblebee | air
ladybug | lady beetle | ladybird | land
snail | snail | | land
spider | spider | | land
* lion | lion | | land
* tiger | tiger | | land
* elephant | elephant | elephant calf | land
giraffe | giraffe | | land
zebra | zebra | | land
* monkey | monkey | ape, chimp | land
panda | panda | panda bear | land
* fox | fox | red fox | land
* wolf | wolf | | land
* bear | bear, white=polar bear | | land
polar bear | polar bear | | snow
* rabbit | rabbit | bunny, bunny rabbit | land
* deer | deer | stag | land
* cow | cow, ox | calf | land
* pig | pig | piggy, piglet, hog | land
sheep | ewe, ram | lamb | land
goat | goat | | land
camel | camel, two-hump camel | | land
kangaroo | kangaroo | | land
koala | koala | | land
squirrel | chipmunk | chipmunk | land
hedgehog | hedgehog | | land
mouse | mouse, rat | | land
bat | bat | | air
* snake | snake | python, viper | land
* frog | frog | | land
* turtle | turtle | tortoise, sea turtle | land sea
crocodile | crocodile | alligator | land
* whale | whale, spouting whale | blue whale | sea water
* dolphin | dolphin | | sea water
* shark | shark | | sea
octopus | octopus | | sea
jellyfish | jellyfish | | sea
crab | crab | | sea
seal | seal | sea lion | snow sea
* dragon | dragon | | land air
* dinosaur | sauropod, T-Rex | dino | land
* unicorn | unicorn | | person
phoenix | phoenix | firebird | air
mermaid | mermaid | | sea
fairy | fairy | | person
wizard | mage | magician, sorcerer | person
ghost | ghost | spirit | air
alien | alien monster, alien | | space
* robot | robot | | land object
* astronaut | astronaut | spaceman | person space
princess | princess | | person
man | man | | person
woman | woman | lady | person
boy | boy | | person
girl | girl | | person
baby | baby | newborn, toddler | person
Santa Claus | Santa Claus | Santa | person snow
* snowman | snowman, snowman without snow | | snow
* lighthouse | drawn lighthouse, drawn lighthouse, drawn lighthouse | | coast
* castle | castle, drawn castle, drawn castle | palace | building
* house | house, house with garden, drawn house, drawn house | home, cottage, bungalow | building
* cabin | drawn cabin, drawn cabin, hut | log cabin, hut | building
* tent | tent, camping | | building
* church | church, drawn church | chapel | building
* windmill | drawn windmill, drawn windmill, drawn windmill | mill | building
* tower | drawn tower, drawn tower, Tokyo tower | stone tower | building
* bridge | drawn bridge, drawn bridge | stone bridge | span
pyramid | drawn pyramid, drawn pyramid | pyramids | desert
temple | shinto shrine, hindu temple, classical building | shrine | building
barn | drawn barn, drawn barn | farm | building
skyscraper | drawn skyscraper, drawn skyscraper, office building | tall building | fair
factory | factory | | building
ferris wheel | ferris wheel | big wheel | building fair
fountain | fountain | | building
* ship | ship, passenger ship, ferry | ocean liner, cruise ship, steamship | water
* sailboat | sailboat, drawn sailboat, drawn sailboat | sailing boat, yacht, boat | water
* boat | motor boat, speedboat, canoe, sailboat | rowing boat | water
* train | locomotive, train, high-speed train | railway train | train
steam train | locomotive | steam locomotive, locomotive | train
* car | automobile, sport utility vehicle, racing car | sedan, auto | road
* bus | bus, trolleybus | | road
* truck | delivery truck, articulated lorry, pickup truck | pickup truck, delivery truck | road
tractor | tractor | | road
fire engine | fire engine | fire truck | road
* bicycle | bicycle | bike | road
motorcycle | motorcycle, motor scooter | motorbike | road
* airplane | airplane, small airplane | plane, jet, airliner | air
* helicopter | helicopter | chopper | air
* rocket | rocket, drawn rocket | spaceship, space rocket | space air
* hot air balloon | drawn hot air balloon, drawn hot air balloon, drawn hot air balloon | | air
balloon | balloon, drawn balloon | | air
ufo | flying saucer | flying saucer, alien spaceship | space air
satellite | satellite | | space
kite | kite | | air
* tree | deciduous tree, drawn tree, drawn tree, drawn tree | oak tree, oak | tree
* pine tree | evergreen tree, drawn pine, drawn pine, drawn pine | pine, fir tree, evergreen tree | tree
* palm tree | palm tree, drawn palm, drawn palm | palm | coast desert
autumn tree | drawn autumn tree, drawn autumn tree, drawn autumn tree | tree in autumn, maple tree | tree
cherry tree | drawn cherry tree, drawn cherry tree | blossoming tree, cherry blossom tree | tree
Christmas tree | Christmas tree | | snow tree
* flower | blossom, white=white flower, hibiscus, pink=cherry blossom, drawn daisy, drawn poppy | | flower
* rose | rose | red rose | flower
* sunflower | sunflower, drawn sunflower, drawn sunflower | | flower
* tulip | tulip | | flower
daisy | drawn daisy, drawn daisy | | flower
poppy | drawn poppy, drawn poppy | | flower
cherry blossom | cherry blossom | pink blossom | flower
lotus | lotus | water lily | water
bouquet | bouquet | bunch of flowers | object
* mushroom | mushroom | toadstool | plant
* cactus | cactus | | desert
leaf | orange=maple leaf, green=leaf fluttering in wind, orange=fallen leaf | | object
* apple | red=red apple, green=green apple | | food
orange | tangerine | tangerine, orange fruit | food
banana | banana | bananas | food
lemon | lemon | | food
* strawberry | strawberry | | food
cherry | cherries | cherries | food
grapes | grapes | bunch of grapes | food
watermelon | watermelon | | food
pineapple | pineapple | | food
pear | pear | | food
* pumpkin | drawn pumpkin, drawn pumpkin, jack-o-lantern | jack o lantern, halloween pumpkin | food
carrot | carrot | | food
tomato | tomato | | food
bread | bread, baguette bread | loaf of bread | food
cheese | cheese wedge | | food
* pizza | pizza | slice of pizza | food
hamburger | hamburger | burger | food
* cake | birthday cake, shortcake | birthday cake | food
ice cream | ice cream, soft ice cream | | food
doughnut | doughnut | donut | food
candy | candy, lollipop | lollipop | food
cup of coffee | hot beverage | coffee, coffee cup, hot drink | food
teapot | teapot | | food
* crown | crown | golden crown, tiara | object
* skull | skull | | object
* heart | red=red heart, blue=blue heart, green=green heart, pink=pink heart | | object
* guitar | guitar | | object
violin | violin | fiddle | object
piano | musical keyboard | keyboard | object
trumpet | trumpet | | object
drum | drum | | object
book | open book, red=closed book, blue=blue book, green=green book | | object
candle | candle | burning candle | object
lantern | red paper lantern | lamp | object
light bulb | light bulb | bulb | object
key | key, old key | | object
sword | dagger, crossed swords | | object
gem | gem stone | diamond, jewel | object
ring | ring | diamond ring | object
clock | alarm clock, mantelpiece clock | | object
watch | watch | wristwatch | object
camera | camera, camera with flash | | object
umbrella | umbrella, umbrella with rain drops | | object
hat | top hat, woman's hat | | object
glasses | glasses, sunglasses | eyeglasses | object
chair | chair | | object
gift | wrapped gift | present | object
teddy bear | teddy bear | toy bear | object
ball | soccer ball, basketball, volleyball | | object
treasure chest | treasure chest | treasure | object
crystal ball | crystal ball | | object
anchor | anchor | | object
bell | bell | | object
globe | globe showing Europe-Africa, globe showing Americas | the earth, planet earth | space object
eye | eye | | object
campfire | drawn campfire, drawn campfire | bonfire, wood fire | land
* fire | fire | flame, flames | object
* moon | full moon, drawn moon | full moon | orb
* crescent moon | crescent moon, waxing crescent moon, drawn crescent | moon, half moon | orb
* sun | sun, drawn sun | | orb
* star | star, glowing star | | orb object
* planet | ringed planet, drawn planet, drawn ringed planet | saturn, ringed planet | space
comet | comet, shooting star | shooting star | space orb
snowflake | snowflake | ice crystal | object
cloud | cloud, drawn cloud | | orb
rainbow | rainbow | | emblem
wave | water wave | big wave, ocean wave | emblem
mountain | drawn mountain, drawn mountain, mountain | peak, mountain peak | emblem
volcano | volcano | | emblem
* island | desert island, drawn island, drawn island | desert island, tropical island | water
"""

# Labels that are no everyday words, or hold a word by which the trained pair is judged.
RENAMED = {
    "sport utility vehicle": "jeep",
    "articulated lorry": "semi truck",
    "oncoming automobile": "car from the front",
    "oncoming bus": "bus from the front",
    "oncoming police car": "police car from the front",
    "oncoming taxi": "taxi from the front",
    "honey pot": "pot of honey",
    "sheaf of rice": "rice plant",
    "ewe": "sheep",
    "1st place medal": "gold medal",
    "water buffalo": "buffalo",
    "hot beverage": "hot drink",
    "globe with meridians": "wire globe",
    "high voltage": "lightning bolt",
    "baguette bread": "baguette",
    "cheese wedge": "cheese",
    "man's shoe": "brown shoe",
    "woman's boot": "boot",
    "woman's clothes": "blouse",
    "woman's sandal": "sandal",
    "billed cap": "baseball cap",
    "closed book": "red book",
    "performing arts": "theatre masks",
    "pool 8 ball": "billiard ball",
    "postal horn": "horn",
    "red paper lantern": "paper lantern",
    "studio microphone": "retro microphone",
    "spouting whale": "whale blowing water",
    "T-Rex": "tyrannosaurus",
    "video game": "game controller",
    "hourglass done": "hourglass",
    "collision": "explosion",
    "spiral shell": "sea shell",
    "blowfish": "puffer fish",
    "closed umbrella": "folded umbrella",
    "tennis": "tennis racket",
    "bowling": "bowling ball and pins",
    "badminton": "badminton racket",
    "ice hockey": "ice hockey stick",
    "field hockey": "field hockey stick",
    "lacrosse": "lacrosse stick",
    "ping pong": "ping pong paddle",
    "cricket game": "cricket bat",
    "horse racing": "racing horse with a rider",
    "cooking": "frying pan with an egg",
    "thread": "spool of thread",
    "wood": "wooden log",
    "flag in hole": "golf flag",
    "ring buoy": "life ring",
    "mate": "cup of mate",
    "horizontal traffic light": "traffic light",
    "vertical traffic light": "traffic light",
    "magnifying glass tilted left": "magnifying glass",
    "magnifying glass tilted right": "magnifying glass",
    "hourglass not done": "hourglass",
    "leafless tree": "bare tree",
    "rosette": "rosette of petals",
}

# The home of every other thing by its subgroup in emojibase.
HOMES = {
    22: "emblem", 23: "person", 25: "person", 26: "person", 28: "person", 34: "land", 35: "air",
    36: "land", 37: "land", 38: "sea", 39: "land", 40: "flower", 41: "plant", 42: "food",
    43: "food", 44: "food", 45: "food", 46: "food", 47: "food", 50: "emblem", 51: "building",
    52: "building", 53: "building", 54: "road", 55: "water", 56: "air", 59: "emblem", 49: "emblem",
}  # fmt: skip
